package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// TestChainIsReleasedOnce: whether it ran to its end, stopped early or found no
// room to run.
func TestChainIsReleasedOnce(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name  string
		ctx   context.Context
		room  int
		first gateway.Action
	}{
		{"to its end", t.Context(), 1, gateway.Continue},
		{"stopped", t.Context(), 1, gateway.Discard},
		{"no room", gone, 0, gateway.Continue},
	} {
		released := map[string]int{}
		step := func(name string, action gateway.Action) Step {
			return Step{Name: name, Handler: says(gateway.Verdict{Action: action}), Release: func() { released[name]++ }}
		}
		in := &Intake{Timeout: time.Minute, Running: make(chan struct{}, c.room), Log: discard}
		in.rule(c.ctx, Chain{step("first", c.first), {Name: "held for nobody", Handler: says(gateway.Verdict{})}, step("last", gateway.Continue)}, exchange(t))
		if released["first"] != 1 || released["last"] != 1 {
			t.Errorf("%s: released %v", c.name, released)
		}
	}
}

// TestRecordNamesWhoRuled: a stand-in is named in place of the module asked.
func TestRecordNamesWhoRuled(t *testing.T) {
	chain := Chain{{Module: "tag@new", Handler: says(gateway.Verdict{Module: "tag@old"})}, {Module: "x@1", Handler: says(gateway.Verdict{})}}
	r := chain.run(t.Context(), exchange(t), discard)
	if len(r.modules) != 2 || r.modules[0] != "tag@old" || r.modules[1] != "x@1" {
		t.Errorf("modules %v", r.modules)
	}
}
