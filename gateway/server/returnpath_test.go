package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/lmtp"
)

// backend is behind a forward route. It takes all recipients and contents.
type backend chan string

func (backend) Recipient(context.Context, gateway.Client, *gateway.Envelope, gateway.Recipient) error {
	return nil
}

func (b backend) Message(_ context.Context, _ gateway.Client, _ *gateway.Envelope, content io.Reader) []*gateway.Status {
	text, err := io.ReadAll(content)
	if err != nil {
		return []*gateway.Status{gateway.AsStatus(err)}
	}
	b <- string(text)
	return []*gateway.Status{gateway.Accepted}
}

// An LMTP backend that delivers has the reverse-path in the content, where
// return_path asks for it.
func TestReturnPathForABackend(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(backend, 2)
	server := &lmtp.Server{Intake: got}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() { server.Shutdown(context.Background()); <-served })
	p := newPlace(t)
	const route = "[[forward]]\nname = %q\ndomains = [\"%[1]s.example.com\"]\nto = \"lmtp:%s\"\nreturn_path = %v\n"
	p.run(p.load(fmt.Sprintf(route, "wants", listener.Addr(), true) + fmt.Sprintf(route, "doesnot", listener.Addr(), false)))
	for _, tt := range []struct {
		to    gateway.ForwardPath
		field bool
	}{{"x@wants.example.com", true}, {"x@doesnot.example.com", false}} {
		if reply := p.postAs(string(tt.to), tt.to); reply != "250 2.0.0 accepted" {
			t.Fatal(reply)
		}
		if text := <-got; strings.HasPrefix(text, "Return-Path: <anne@example.com>\r\n") != tt.field || strings.Count(text, "Return-Path:") > 1 {
			t.Errorf("%s got\n%s", tt.to, text)
		}
	}
}
