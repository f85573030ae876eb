package server

import (
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/plugins"
)

func builtin(t *testing.T, name string) []byte {
	t.Helper()
	wasm, ok := plugins.Lookup(name)
	if !ok {
		t.Fatalf("no built-in %s", name)
	}
	return wasm
}

// TestSwapOfAWriter: the MTA's files are those of the new one.
func TestSwapOfAWriter(t *testing.T) {
	p := newPlace(t)
	s := p.run(p.load(devList))
	has := func() bool {
		files, err := s.MTAFiles(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(files, func(f gateway.File) bool { return f.Path == "postfix_lmtp" })
	}
	if !has() {
		t.Fatal("no postfix_lmtp")
	}
	call[PluginSwapped](t, s, "plugin.swap", PluginSwap{Name: "postfix", Wasm: builtin(t, "exim4")})
	if has() {
		t.Error("the files are still those of the old one")
	}
	if files, err := RenderMTA(t.Context(), s.cfg, Env{}, t.TempDir()); err != nil || slices.ContainsFunc(files, func(f gateway.File) bool { return f.Path == "postfix_lmtp" }) {
		t.Errorf("rendered beside the gateway: %v", err)
	}
	call[PluginSwapped](t, s, "plugin.rollback", PluginName{"postfix"})
	if !has() {
		t.Error("no postfix_lmtp after the roll-back")
	}
}

// TestSwapOfThePlanner: list-headers is none, so the hook that is lost refuses
// it; a planner with a custom section more is another module and works.
func TestSwapOfThePlanner(t *testing.T) {
	p := newPlace(t)
	s := p.run(p.load(devList))
	err := s.Operations().Call(t.Context(), "plugin.swap", PluginSwap{Name: "deliver", Wasm: builtin(t, "list-headers")}, nil)
	if err == nil || !strings.Contains(err.Error(), "cannot be mta.outgoing") {
		t.Errorf("got %v", err)
	}
	next := append(slices.Clone(builtin(t, "deliver")), 0, 2, 1, 'x') // section 0, 2 octets: a name of one
	done := call[PluginSwapped](t, s, "plugin.swap", PluginSwap{Name: "deliver", Wasm: next})
	if len(done.Capabilities)+len(done.Hooks)+len(done.LostHooks) > 0 {
		t.Errorf("%+v", done)
	}
	if got := p.post("dev@lists.example.com"); got != "250 2.0.0 accepted" {
		t.Fatal(got)
	}
	if sent := <-p.sent; !strings.HasPrefix(sent.MailFrom, "dev-bounces+") {
		t.Errorf("sent %+v", sent)
	}
	if r := row(t, s, "deliver"); r.Digest != done.Digest || r.Calls == 0 {
		t.Errorf("%+v", r)
	}
}
