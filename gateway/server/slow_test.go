package server

import (
	"fmt"
	"net"
	"testing"
)

// silent is an address at which connections are taken and nothing is said. The
// channel is told of each.
func silent(t *testing.T) (port string, taken <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	connections := make(chan struct{}, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			connections <- struct{}{}
		}
	}()
	return port, connections
}

// A next hop that answers nothing, with more posts for it than there are
// hands, keeps neither the mail for another one nor what needs none.
func TestASilentHostKeepsNobodyElse(t *testing.T) {
	p := newPlace(t)
	backend := p.smtp
	upstream, taken := silent(t)
	p.smtp = upstream
	s := p.run(p.load(devList + fmt.Sprintf("[[forward]]\nname = \"other\"\ndomains = [\"other.example.com\"]\n"+
		"to = \"smtp:127.0.0.1:%s\"\nverify = \"none\"\n", backend)))
	for i := range 2 * handsMax {
		if got := p.postAs(fmt.Sprint(i), "dev@lists.example.com"); got != "250 2.0.0 accepted" {
			t.Fatal(got)
		}
	}
	<-taken
	if got := p.post("x@other.example.com"); got != "250 2.0.0 accepted" {
		t.Fatal(got)
	}
	if sent := <-p.sent; sent.Rcpts[0] != "x@other.example.com" {
		t.Errorf("sent %+v", sent)
	}
	if c := s.line.count(); c.Taken > 2*handsMax+1 { // for the silent one, for expansion, and what was sent this moment
		t.Errorf("%d entries are in hand", c.Taken)
	}
}
