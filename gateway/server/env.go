package server

import (
	"context"
	"log/slog"
	"net"

	"github.com/mmgw/mmgw/gateway/sandbox"
)

// Env is the world around a gateway. The zero value is the real one, in silence.
type Env struct {
	Version string
	Log     *slog.Logger // nil: nothing is logged

	Listening func(kind, network, address string) // hears of each listener that is open
	Ready     func()                              // called once, when mail is taken and sent

	DialContext func(ctx context.Context, network, address string) (net.Conn, error) // to next hops; nil: net.Dialer
	LookupTXT   func(ctx context.Context, name string) ([]string, error)             // nil: the configured or the system's resolver
	Resolver    sandbox.Resolver                                                     // of modules; nil: likewise
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

// lookupTXT asks the configured DNS server, or the system's.
func (e Env) lookupTXT(server string) func(ctx context.Context, name string) ([]string, error) {
	if e.LookupTXT != nil {
		return e.LookupTXT
	}
	return resolver(server).LookupTXT
}

// moduleResolver is what modules ask.
func (e Env) moduleResolver(server string) sandbox.Resolver {
	if e.Resolver != nil {
		return e.Resolver
	}
	return resolver(server)
}

// resolver asks a DNS server, or the system's where it is "".
func resolver(server string) *net.Resolver {
	if server == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server)
	}}
}
