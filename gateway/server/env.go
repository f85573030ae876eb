package server

import (
	"context"
	"log/slog"
	"net"

	"github.com/mmgw/mmgw/gateway/authres"
)

// Env is the world around a gateway. The zero value is the real one, in silence.
type Env struct {
	Version string
	Log     *slog.Logger // nil: nothing is logged

	Listening func(kind, network, address string) // is told of each listener that is open
	Ready     func()                              // called once, when mail is taken and sent

	DialContext func(ctx context.Context, network, address string) (net.Conn, error) // to next hops; nil: net.Dialer
	DNS         authres.DNS                                                          // nil: the configured or the system's name server
}

func (e Env) withDefaults() Env {
	if e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	if e.Listening == nil {
		e.Listening = func(string, string, string) {}
	}
	if e.Ready == nil {
		e.Ready = func() {}
	}
	if e.DialContext == nil {
		e.DialContext = new(net.Dialer).DialContext
	}
	return e
}
