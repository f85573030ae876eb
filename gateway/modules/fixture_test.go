package modules

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox"
	examples "github.com/mmgw/mmgw/wasm-examples"
)

var discard = slog.New(slog.DiscardHandler)

// trialFuel is enough for the examples on the messages here, a tenth of it too,
// and is soon spent by a loop.
const trialFuel = 5_000_000

// load loads an example: refuse refuses the word "spam", spin fails where a
// message has a field X-Spin.
func load(t *testing.T, name string) *Version {
	t.Helper()
	wasm, ok := examples.Lookup(name)
	if !ok {
		t.Fatalf("no example %s", name)
	}
	host, err := sandbox.New(sandbox.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close(context.Background()) })
	p, err := host.Load(t.Context(), sandbox.Spec{
		Name: name, Wasm: wasm, Fuel: trialFuel, Instances: 2, Config: map[string]any{"words": []any{"spam"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &Version{Plugin: p, Wasm: wasm}
}

// post is an incoming call for a message with these fields.
func post(t *testing.T, fields string) *gateway.Exchange {
	t.Helper()
	x, err := selfTestExchange(gateway.PhaseIncoming)
	if err != nil {
		t.Fatal(err)
	}
	text := gateway.Bytes(fields + "\r\nhi\r\n")
	x.Message.Content, x.Message.Digest = text, sha256.Sum256(text)
	if x.Draft, err = gateway.OpenDraft(text); err != nil {
		t.Fatal(err)
	}
	return x
}

const (
	good = "Subject: hello\r\n"
	spam = "Subject: spam\r\n"
)

// bad is a message on which spin fails, another for each name.
func bad(name string) string { return "Subject: " + name + "\r\nX-Spin: yes\r\n" }

// handle is one call by a lease of its own.
func handle(t *testing.T, m *Module, fields string) (gateway.Verdict, error) {
	t.Helper()
	l := m.Lease()
	defer l.Release()
	return l.Handle(t.Context(), post(t, fields))
}

// isClosed says whether a version was closed.
func isClosed(t *testing.T, v *Version) bool {
	t.Helper()
	_, err := v.Plugin.Handle(t.Context(), post(t, good))
	return err != nil
}
