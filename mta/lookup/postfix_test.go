package lookup

import (
	"bytes"
	"errors"
	"net"
	"os/exec"
	"testing"
)

// TestPostfixAsks has Postfix's own clients ask the server, by both protocols
// and over both networks.
func TestPostfixAsks(t *testing.T) {
	postmap, err := exec.LookPath("postmap")
	if err != nil {
		t.Skip("postmap is not installed")
	}
	unix := startServer(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, &Server{Tables: openTables(t), Allow: loopback}, l)
	tcp := l.Addr().String()
	const hop, absent, fails = "lmtp:[127.0.0.1]:8024\n", "", "error"
	for _, c := range []struct{ table, key, want string }{
		{"socketmap:inet:" + tcp + ":transport", "Dev-bounces+anne=example.com@lists.example.com", hop},
		{"socketmap:inet:" + tcp + ":transport", "nobody@lists.example.com", absent},
		{"socketmap:unix:" + unix.path + ":recipients", "dev-confirm+0a1b@lists.example.com", hop},
		{"socketmap:unix:" + unix.path + ":recipients", "away@mm3.example.com", fails},
		{"socketmap:unix:" + unix.path + ":domains", "mm3.example.com", "mm3.example.com\n"},
		{"socketmap:unix:" + unix.path + ":aliases", "news-bounces+a=b.c@public.example.org", "news-bounces+a=b.c@alias.example.org\n"},
		{"socketmap:unix:" + unix.path + ":mistyped", "x", fails},
		{"tcp:" + tcp, "dev@lists.example.com", hop},
		{"tcp:" + tcp, "a b@mm3.example.com", hop}, // %20 on the wire
		{"tcp:" + tcp, "nobody@lists.example.com", absent},
		{"tcp:" + tcp, "away@mm3.example.com", fails},
		{"tcp:" + tcp, "lists.example.com", hop},
	} {
		ask := exec.Command(postmap, "-q", c.key, c.table)
		var said bytes.Buffer
		ask.Stderr = &said
		out, err := ask.Output()
		got := string(out)
		if err != nil && said.Len() > 0 {
			got = fails
		}
		var exit *exec.ExitError
		if got != c.want || err != nil && !errors.As(err, &exit) {
			t.Errorf("postmap -q %q %s: %q, want %q (%v %s)", c.key, c.table, got, c.want, err, &said)
		}
	}
}
