package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mmgw/mmgw/gateway"
)

// play is a server that follows a transcript: it says the lines with "S: " and
// expects those with "C: ". Lines that stand together go in one write. It hangs
// up at the end, unless that is "wait".
func play(conn net.Conn, transcript string) error {
	defer conn.Close()
	r, say := bufio.NewReader(conn), ""
	for line := range strings.Lines(transcript) {
		who, text, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if who == "S" {
			say += text + "\r\n"
			continue
		}
		if _, err := io.WriteString(conn, say); err != nil {
			return fmt.Errorf("say %q: %w", say, err)
		}
		say = ""
		got, err := r.ReadString('\n')
		if who == "C" && got != text+"\r\n" {
			return fmt.Errorf("the client said %q (%v), not %q", got, err, text)
		}
	}
	_, err := io.WriteString(conn, say)
	return err
}

// withPeer calls f with a client whose server follows the transcript.
func withPeer(t *testing.T, transcript string, f func(*Client)) {
	t.Helper()
	ours, theirs := net.Pipe()
	played := make(chan error, 1)
	go func() { played <- play(theirs, strings.TrimSpace(transcript)) }()
	client, err := newClient(context.Background(), ours)
	if err != nil {
		t.Fatal(err)
	}
	f(client)
	client.abort()
	if err := <-played; err != nil {
		t.Error(err)
	}
}

var sendTests = []struct {
	name, transcript string
	from             gateway.ReversePath
	to               []gateway.ForwardPath
	content          string
	replies          []string
}{{
	name: "one reply a recipient, in order, duplicates included", from: "anne@example.com",
	to: []gateway.ForwardPath{"a@example.org", "b@example.org", "a@example.org", "c@example.org"}, content: "Subject: x\r\n\r\n.\r\n..x\r\n",
	transcript: `
		S: 220 peer
		C: LHLO localhost
		S: 250-peer
		S: 250-pipelining
		S: 250 8BITMIME
		C: MAIL FROM:<anne@example.com>
		C: RCPT TO:<a@example.org>
		C: RCPT TO:<b@example.org>
		C: RCPT TO:<a@example.org>
		C: RCPT TO:<c@example.org>
		C: DATA
		S: 250 ok
		S: 250 ok
		S: 550-5.1.1 no such
		S: 550 5.1.1 user
		S: 250 ok
		S: 250 ok
		S: 354 go
		C: Subject: x
		C: 
		C: ..
		C: ...x
		C: .
		S: 250 2.0.0 first
		S: 451 4.3.0 later
		S: 552 5.4.0
		C: QUIT
		S: 221 bye`,
	replies: []string{"250 2.0.0 first", "550 5.1.1 no such user", "451 4.3.0 later", "552 5.4.0 "},
}, {
	name: "no PIPELINING: one command at a time, and none that is of no use", to: []gateway.ForwardPath{"a@example.org", "b@example.org"},
	transcript: `
		S: 220 peer
		C: LHLO localhost
		S: 250 peer
		C: MAIL FROM:<>
		S: 250 ok
		C: RCPT TO:<a@example.org>
		S: 450 4.2.1 a
		C: RCPT TO:<b@example.org>
		S: 550 b
		C: QUIT
		S: 221 bye`,
	replies: []string{"450 4.2.1 a", "550 5.0.0 b"},
}, {
	name: "a refused MAIL is everybody's", from: "anne@example.com", to: []gateway.ForwardPath{"a@example.org", "b@example.org"},
	transcript: `
		S: 220 peer
		C: LHLO localhost
		S: 250-peer
		S: 250 PIPELINING
		C: MAIL FROM:<anne@example.com>
		C: RCPT TO:<a@example.org>
		C: RCPT TO:<b@example.org>
		C: DATA
		S: 451 5.7.1 not you
		S: 503 b
		S: 503 c
		S: 503 d
		C: QUIT
		S: 221 bye`,
	replies: []string{"451 4.0.0 5.7.1 not you", "451 4.0.0 5.7.1 not you"},
}, {
	name: "DATA is taken for nobody: no dot, no more", to: []gateway.ForwardPath{"a@example.org"},
	transcript: `
		S: 220 peer
		C: LHLO localhost
		S: 250-peer
		S: 250 PIPELINING
		C: MAIL FROM:<>
		C: RCPT TO:<a@example.org>
		C: DATA
		S: 250 ok
		S: 550 5.1.1 none
		S: 354 go`,
	replies: []string{"550 5.1.1 none"},
}, {
	name: "what is offered is used", from: "änne@example.com", to: []gateway.ForwardPath{"a@example.org"}, content: "ä\rb\nc",
	transcript: `
		S: 220 peer
		C: LHLO localhost
		S: 250-peer
		S: 250-SMTPUTF8
		S: 250 8BITMIME
		C: MAIL FROM:<änne@example.com> BODY=8BITMIME SMTPUTF8
		S: 250 ok
		C: RCPT TO:<a@example.org>
		S: 250 ok
		C: DATA
		S: 354 go
		C: ä
		C: b
		C: c
		C: .
		S: 250 ok
		C: QUIT
		S: 221 bye`,
	replies: []string{"250 2.0.0 ok"},
}}

func TestSend(t *testing.T) {
	for _, test := range sendTests {
		t.Run(test.name, func(t *testing.T) {
			withPeer(t, test.transcript, func(c *Client) {
				replies, err := c.Send(t.Context(), test.from, test.to, []byte(test.content))
				if err != nil {
					t.Error(err)
				}
				var got []string
				for i, reply := range replies {
					got = append(got, reply.Status.Reply())
					if reply.To != test.to[i] {
						t.Errorf("reply %d is for %s", i, reply.To)
					}
				}
				if !slices.Equal(got, test.replies) {
					t.Errorf("got %q, want %q", got, test.replies)
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A transaction that did not reach its final dot is reset before the next.
func TestSendAgain(t *testing.T) {
	const transcript = `
		S: 220 peer
		C: LHLO localhost
		S: 250-peer
		S: 250 PIPELINING
		C: MAIL FROM:<>
		C: RCPT TO:<a@example.org>
		C: DATA
		S: 250 ok
		S: 250 ok
		S: 452 4.3.1 full
		C: RSET
		S: 250 ok
		C: MAIL FROM:<>
		C: RCPT TO:<a@example.org>
		C: DATA
		S: 250 ok
		S: 250 ok
		S: 354 go
		C: .
		S: 250 ok`
	withPeer(t, transcript, func(c *Client) {
		for _, want := range []string{"452 4.3.1 full", "250 2.0.0 ok"} {
			replies, err := c.Send(t.Context(), "", []gateway.ForwardPath{"a@example.org"}, nil)
			if err != nil || replies[0].Status.Reply() != want {
				t.Errorf("got %v, %v, want %s", replies, err, want)
			}
		}
	})
}

func TestSendBreaks(t *testing.T) {
	const hello = "S: 220 peer\nC: LHLO localhost\nS: 250 peer\nC: MAIL FROM:<>\n"
	for _, test := range []struct{ name, transcript, want string }{
		{"hangs up", hello, "EOF"},
		{"says why it hangs up", hello + "S: 250 ok\nC: RCPT TO:<b@example.org>\nS: 421 4.3.2 closing\n", "the last reply was 421 4.3.2 closing"},
		{"no code", hello + "S: hello\n", "no reply code"},
		{"two codes", hello + "S: 250-a\nS: 251 b\n", "codes 250 and 251"},
		{"a long line", hello + "S: 250 " + strings.Repeat("x", answerLineBytesMax) + "\n", "octets"},
		{"endless lines", hello + strings.Repeat("S: 250-x\n", answerLinesMax+1), "lines"},
		{"DATA is answered 250", hello + "S: 250 ok\nC: RCPT TO:<b@example.org>\nS: 250 ok\nC: RCPT TO:<a@example.org>\nS: 250 ok\nC: DATA\nS: 250 ok\n", "DATA was answered 250"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours, theirs := net.Pipe()
			go play(theirs, test.transcript)
			c, err := newClient(t.Context(), ours)
			if err != nil {
				t.Fatal(err)
			}
			to := []gateway.ForwardPath{"b@example.org", "a@example.org"}
			_, err = c.Send(t.Context(), "", to, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if _, err := c.Send(t.Context(), "", to, nil); err == nil {
				t.Error("a second message went over a broken dialogue")
			}
		})
	}
}

func TestSendRefusesTextsThatAreNoAddress(t *testing.T) {
	for _, to := range [][]gateway.ForwardPath{nil, {""}, {"a@b.example> NOTIFY=NEVER"}, {"a@b.example>\r\nRSET"}} {
		c := new(Client) // no connection: writing would panic
		if _, err := c.Send(t.Context(), "", to, nil); err == nil {
			t.Errorf("%q was sent", to)
		}
	}
}

// Time ends every wait: in a bubble its clock jumps to the next deadline.
func TestSendWaitsNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		if _, err := newClient(t.Context(), ours); err == nil {
			t.Error("a silent server was waited for")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		defer theirs.Close()
		cancel()
		if _, err := newClient(ctx, ours); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the end of the context", err)
		}
	})
}

func TestDialToldToGo(t *testing.T) {
	ours, theirs := net.Pipe()
	go play(theirs, "S: 421 4.3.2 too many\n")
	_, err := newClient(t.Context(), ours)
	var status *gateway.Status
	if !errors.As(err, &status) || status.Reply() != "421 4.3.2 too many" {
		t.Errorf("got %v", err)
	}
	if _, err := Dial(t.Context(), "unix:"+t.TempDir()+"/none"); err == nil {
		t.Error("a socket that is not there was dialled")
	}
}

// Whatever the content, it ends where it ends, and nowhere before.
func FuzzWire(f *testing.F) {
	for _, seed := range []string{"", ".", "a\r\n.\r\nb", "a\n.\nb", "a\r.\rb", "\r\r\n.\r\n", "x\r\n\r\n..\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		wire := string(appendWire(nil, content))
		if body, ok := strings.CutSuffix("\r\n"+wire, "\r\n.\r\n"); !ok || strings.Contains(body+"\r\n", "\r\n.\r\n") {
			t.Errorf("%q ends early or not at all", wire)
		}
		if strings.ContainsAny(strings.ReplaceAll(wire, "\r\n", ""), "\r\n") {
			t.Errorf("%q has a stray CR or LF", wire)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{"250 ok\r\n", "250-a\r\n250 b\r\n", "250\n", "2x0 \r\n", "250_\r\n", "550 5.1.1 x\r\n", "250-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := readAnswer(bufio.NewReader(strings.NewReader(text)))
		if err == nil && (a.code < 200 || a.code > 599 || len(a.lines) == 0 || a.status().Code != a.code) {
			t.Errorf("%q was read as %v", text, a)
		}
	})
}
