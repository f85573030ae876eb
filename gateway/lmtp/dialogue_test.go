package lmtp

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestCutAnywhere cuts a message of 2 KiB after each of its octets.
func TestCutAnywhere(t *testing.T) {
	text := strings.Repeat("MAIL FROM:<evil@b.test>\r\n..\r\n", 68) + ".\r\n"
	d := &desk{}
	p := serve(t, &Server{Intake: d})
	for n := range len(text) + 1 {
		client := newPeer(p.Dial())
		io.WriteString(client.conn, envelope+"DATA\r\n"+text[:n])
		if n < len(text) {
			client.conn.Close()
			continue
		}
		for !strings.Contains(client.take(), "250 2.0.0 accepted") {
		}
		client.conn.Close()
	}
	if got := d.take(); len(got) != 1 {
		t.Errorf("%d messages accepted, not the whole one alone", len(got))
	}
}

// TestRandomDialogues compares the replies to pipelined dialogues with what
// the commands call for, in count and order.
func TestRandomDialogues(t *testing.T) {
	dialogues := 10_000
	if testing.Short() {
		dialogues = 500
	}
	d := &desk{}
	p := serve(t, &Server{Intake: d, Limits: Limits{ContentBytesMax: 500}})
	const perConnection = 100
	for seed := range uint64(dialogues / perConnection) {
		r := rand.New(rand.NewPCG(seed, 1))
		var wire, want strings.Builder
		want.WriteString("220 ")
		messages := 0
		for range perConnection {
			messages += writeDialogue(r, &wire, &want)
		}
		wire.WriteString("QUIT\r\n")
		want.WriteString("221 ")
		if got := converse(p.Dial(), wire.String()); got != want.String() {
			t.Fatalf("seed %d: %s", seed, firstDifference(split(want.String()), split(got)))
		}
		if got := len(d.take()); got != messages {
			t.Fatalf("seed %d: %d messages accepted, not %d", seed, got, messages)
		}
	}
}

func split(codes string) string { return strings.ReplaceAll(codes, " ", "\n") }

// converse sends wire in random pieces and returns the codes of the replies.
func converse(conn net.Conn, wire string) string {
	defer conn.Close()
	go io.WriteString(conn, wire)
	var codes strings.Builder
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	all, _ := io.ReadAll(conn)
	for line := range bytes.Lines(all) {
		if line[3] == ' ' {
			codes.Write(line[:4])
		}
	}
	return codes.String()
}

// writeDialogue appends up to three transactions, and the codes that must
// answer them. It returns how many messages someone accepts.
func writeDialogue(r *rand.Rand, wire, want *strings.Builder) (messages int) {
	say := func(command, code string) {
		wire.WriteString(command + "\r\n")
		want.WriteString(code + " ")
	}
	say("LHLO client.test", "250")
	for range 1 + r.IntN(3) {
		say("MAIL FROM:<a@b.test>", "250")
		if r.IntN(8) == 0 {
			say("MAIL FROM:<z@b.test>", "503")
		}
		replies, anyone := writeRecipients(r, say)
		switch {
		case len(replies) == 0:
			say("DATA", "503")
			say("RSET", "250")
		case r.IntN(10) == 0:
			say("RSET", "250")
		default:
			say("DATA", "354")
			if writeContent(r, wire) {
				for i := range replies {
					replies[i] = "552"
				}
				anyone = false
			}
			for _, code := range replies {
				want.WriteString(code + " ")
			}
			if anyone {
				messages++
			}
		}
	}
	return messages
}

func writeRecipients(r *rand.Rand, say func(command, code string)) (replies []string, anyone bool) {
	for range r.IntN(9) {
		kind := [...]string{"list", "list", "unknown", "busy", "bounce", "later", "terminal"}[r.IntN(7)]
		command := fmt.Sprintf("RCPT TO:<%s-%d@lists.test>", kind, r.IntN(2))
		switch kind {
		case "unknown", "terminal":
			say(command, "550")
		case "busy":
			say(command, "451")
		default:
			say(command, "250")
			replies = append(replies, map[string]string{"list": "250", "bounce": "554", "later": "451"}[kind])
			anyone = anyone || kind == "list"
		}
	}
	return replies, anyone
}

// writeContent appends lines that look like commands and ends, and says
// whether they pass the limit of 500 octets.
func writeContent(r *rand.Rand, wire *strings.Builder) (large bool) {
	pieces := [...]string{"x\r\n", "..\r\n", "RSET\r\n", "\n.\r\n", "\n.\n", "x\r.\r\n", "x\r\r\n", "QUIT\r\n", "\x00\r\n"}
	var text strings.Builder
	for range r.IntN(12) {
		text.WriteString(pieces[r.IntN(len(pieces))])
	}
	if large = r.IntN(6) == 0; large {
		text.WriteString(strings.Repeat("0123456789", 60))
		text.WriteString("\r\n")
	} else if !strings.HasSuffix(text.String(), "\r\n") {
		text.WriteString("\r\n")
	}
	wire.WriteString(text.String() + ".\r\n")
	return large
}

// FuzzDialogue gives the server any octets: it must end, reply in proper lines
// and accept no content with a stray CR or LF.
func FuzzDialogue(f *testing.F) {
	f.Add([]byte(envelope + "DATA\r\nx\r\n.\r\nQUIT\r\n"))
	f.Add([]byte(envelope + "DATA\r\n\n.\r\r\n.\rx\r\n..\r\n.\r\n" + evil))
	f.Add([]byte("XFORWARD ADDR=IPV6:::1 NAME=+41\r\n" + envelope + "BDAT 3 LAST\r\nabc"))
	f.Add([]byte("LHLO x\r\nMAIL FROM:<\"\\\">\"@b> SIZE=1 ENVID=+2B RET=HDRS\r\nRCPT TO:<postmaster> ORCPT=rfc822;x NOTIFY=NEVER\r\nDATA\r\n.\r\n"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{}
			client := newPeer(serve(t, &Server{Intake: d, Limits: Limits{ContentBytesMax: 1000}}).Dial())
			client.conn.Write(wire)
			time.Sleep(time.Hour)
			for line := range strings.Lines(client.take()) {
				if line != "closed\n" && !isReply(line) {
					t.Errorf("reply %q", line)
				}
			}
			client.conn.Close()
			for _, accepted := range d.take() {
				text := strings.ReplaceAll(accepted, `\r\n`, "")
				if strings.Contains(text, `\r`) || strings.Contains(text, `\n`) {
					t.Errorf("accepted %s", accepted)
				}
			}
		})
	})
}

func isReply(line string) bool {
	text, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "S: ")
	if !ok || len(text) < 4 || len(text) > 510 || strings.Trim(text[:3], "0123456789") != "" {
		return false
	}
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	enhanced := text[4]
	return text[0] == '3' || text[:3] == "220" || text[3] == '-' || strings.HasPrefix(text, "250 LIMITS") || enhanced == text[0]
}
