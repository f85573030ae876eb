package smtp

import (
	"net"
	"testing"
	"testing/synctest"

	"github.com/mmgw/mmgw/gateway"
)

// verified is what becomes of a callout.
func verified(conn *Conn, path gateway.ForwardPath) (*gateway.Status, bool) {
	statuses, again := sent(conn, &gateway.Delivery{Recipients: []gateway.Recipient{{Path: path}}}, nil)
	return statuses[0], again
}

func TestVerify(t *testing.T) {
	for _, hello := range []string{"PIPELINING", "HELP"} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			played := make(chan error, 1)
			next := "C+ "
			if hello == "HELP" {
				next = "C: "
			}
			group := func(lines, replies []string) (script []string) {
				for i, line := range lines {
					if i == 0 || hello == "HELP" {
						script = append(script, "C: "+line)
					} else {
						script = append(script, next+line)
					}
					if hello == "HELP" {
						script = append(script, "S: "+replies[i])
					}
				}
				if hello != "HELP" {
					for _, answer := range replies {
						script = append(script, "S: "+answer)
					}
				}
				return script
			}
			script := []string{"S: 220 them", "C: EHLO us.example", "S: 250-them", "S: 250 " + hello}
			script = append(script, group([]string{"MAIL FROM:<>", "RCPT TO:<anne@example.com>"}, []string{"250 ok", "250 2.1.5 here"})...)
			script = append(script, group([]string{"RSET", "MAIL FROM:<>", "RCPT TO:<gone@example.com>"}, []string{"250 ok", "250 ok", "550 5.1.1 gone"})...)
			go func() { played <- (&peer{conn: theirs}).play(script) }()
			conn := dialed(t, ours, Options{})
			if status, again := verified(conn, "anne@example.com"); status.Reply() != "250 2.1.5 here" || again {
				t.Errorf("%v, %v", status, again)
			}
			if status, again := verified(conn, "gone@example.com"); status.Reply() != "550 5.1.1 gone" || again || !conn.Usable() {
				t.Errorf("%v, %v", status, again)
			}
			if err := <-played; err != nil {
				t.Error(err)
			}
			theirs.Close()
			conn.Close()
		})
	}
}

// Who refuses is named as it names itself, where that is a name.
func TestHost(t *testing.T) {
	for hello, want := range map[string]string{
		"250 mx.example.net at your service": "mx.example.net",
		"250 [192.0.2.1]":                    "[192.0.2.1]",
		"250 hello <there>":                  "hello",
		"250 <there>":                        "localhost", // which a pipe is
		"250":                                "localhost",
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			played := make(chan error, 1)
			go func() {
				played <- (&peer{conn: theirs}).play([]string{"S: 220 them", "C: EHLO us.example", "S: " + hello,
					"C: MAIL FROM:<>", "S: 250 ok", "C: RCPT TO:<gone@example.com>", "S: 550 5.1.1 gone"})
			}()
			conn := dialed(t, ours, Options{})
			if status, _ := verified(conn, "gone@example.com"); status.Host != want || status.Code != 550 {
				t.Errorf("%s: %+v", hello, status)
			}
			if err := <-played; err != nil {
				t.Error(err)
			}
			theirs.Close()
			conn.Close()
		})
	}
}

// A server that takes no null reverse-path has said nothing about a recipient.
func TestVerifyRefusedAtMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		played := make(chan error, 1)
		go func() {
			played <- (&peer{conn: theirs}).play([]string{"S: 220 them", "C: EHLO us.example", "S: 250 them",
				"C: MAIL FROM:<>", "S: 550 5.1.7 no bounces here"})
		}()
		conn := dialed(t, ours, Options{})
		if status, again := verified(conn, "anne@example.com"); status.Reply() != "451 4.5.0 the next hop refused the question whom it takes: 550 5.1.7 no bounces here" || again {
			t.Errorf("%v, %v", status, again)
		}
		if err := <-played; err != nil {
			t.Error(err)
		}
		theirs.Close()
		conn.Close()
	})
}
