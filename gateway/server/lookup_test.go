package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// TestLookupServer: a list that comes with a reload is answered at once, and
// one made at run time; the next hop is where LMTP is listened for.
func TestLookupServer(t *testing.T) {
	p := newPlace(t)
	const lookup = "[lookup]\nlisten = \"unix:%s\"\n"
	socket := filepath.Join(p.dir, "lookup.sock")
	s := p.run(p.load(devList + fmt.Sprintf(lookup, socket)))
	ask := func(question string) string {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, question+"\n")
		answer, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		return string(answer)
	}
	hop := "OK lmtp:[127.0.0.1]:" + portOf(t, s) + "\n"
	for question, want := range map[string]string{
		"transport dev-bounces+anne=example.com@lists.example.com": hop,
		"recipients run@lists.example.com":                         "NOTFOUND \n",
		"recipients new@lists.example.com":                         "NOTFOUND \n",
		"domains lists.example.com":                                "OK lists.example.com\n",
	} {
		if got := ask(question); got != want {
			t.Errorf("%s: %q, want %q", question, got, want)
		}
	}
	if err := s.roster.CreateList(gateway.List{Address: "run@lists.example.com"}); err != nil {
		t.Fatal(err)
	}
	added := devList + "[[list]]\naddress = \"new@lists.example.com\"\n" + fmt.Sprintf(lookup, socket)
	if err := s.Reload(context.Background(), p.load(added)); err != nil {
		t.Fatal(err)
	}
	for _, question := range []string{"recipients run@lists.example.com", "recipients new@lists.example.com"} {
		if got := ask(question); got != hop {
			t.Errorf("%s: %q, want %q", question, got, hop)
		}
	}
	if err := s.Reload(context.Background(), p.load(devList+fmt.Sprintf(lookup, socket+"2"))); err == nil {
		t.Error("a reload moved the listener")
	}
}

func portOf(t *testing.T, s *Server) string {
	t.Helper()
	_, port, err := net.SplitHostPort(s.listening.Load().(string))
	if err != nil {
		t.Fatal(err)
	}
	return port
}
