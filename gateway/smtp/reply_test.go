package smtp

import (
	"bufio"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

func TestReadReply(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"250 ok\r\n", "250 ok"},
		{"250\r\n", "250 "},
		{"250 2.1.5\r\n", "250 2.1.5 "},
		{"550-5.1.1 no\r\n550 5.1.1 such user\r\n", "550 5.1.1 no such user"},
		{"550 ok\n", "550 ok"},
		{"450 4.999.0 a\r\n", "450 4.999.0 a"},
		{"450 5.1.1 a\r\n", "450 5.1.1 a"},
	} {
		answer, err := readReply(bufio.NewReader(strings.NewReader(c.in)))
		if err != nil || answer.status().Reply() != c.want {
			t.Errorf("%q: %v, %v", c.in, answer.status(), err)
		}
	}
	many := strings.Repeat("250-x\r\n", ReplyLinesMax) + "250 x\r\n"
	for _, in := range []string{"", "250 ok", "25\r\n", "150 x\r\n", "650 x\r\n", "2500\r\n", "250_x\r\n", "+50 x\r\n", "250-a\r\n251 b\r\n", "\r\n", many} {
		if answer, err := readReply(bufio.NewReader(strings.NewReader(in))); err == nil {
			t.Errorf("%.40q is read as %v", in, answer)
		}
	}
}

func FuzzReadReply(f *testing.F) {
	for _, seed := range []string{"250 ok\r\n", "250-a\r\n250 2.0.0 b\r\n", "421\n", "550 \x1b[31m\r\n", "25", "354 go\r\n250 x\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		answer, err := readReply(bufio.NewReader(strings.NewReader(string(in))))
		if err != nil {
			return
		}
		status := answer.status()
		if status.Code != answer.code || answer.code < 200 || answer.code > 599 || len(answer.lines) > ReplyLinesMax {
			t.Fatalf("%q: %v", in, answer)
		}
		if status.Text != gateway.Printable(status.Text) || strings.ContainsAny(status.Reply(), "\r\n\x1b\x00") {
			t.Fatalf("%q: the text %q is not printable", in, status.Text)
		}
		again, err := readReply(bufio.NewReader(strings.NewReader(status.Reply() + "\r\n")))
		if err != nil || again.code != answer.code {
			t.Fatalf("%q: its status %q is no reply: %v", in, status.Reply(), err)
		}
	})
}
