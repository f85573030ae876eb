package pipeline

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// TestChainIsReleasedOnce: whether it ran to its end, stopped early or was
// given up.
func TestChainIsReleasedOnce(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name  string
		ctx   context.Context
		first gateway.Action
	}{
		{"to its end", t.Context(), gateway.Continue},
		{"stopped", t.Context(), gateway.Discard},
		{"given up", gone, gateway.Continue},
	} {
		released := map[string]int{}
		step := func(name string, action gateway.Action) Step {
			return Step{Name: name, Handler: says(gateway.Verdict{Action: action}), Release: func() { released[name]++ }}
		}
		in := &Intake{Timeout: time.Minute, Log: discard}
		in.rule(c.ctx, Chain{step("first", c.first), {Name: "held for nobody", Handler: says(gateway.Verdict{})}, step("last", gateway.Continue)}, exchange(t))
		if released["first"] != 1 || released["last"] != 1 {
			t.Errorf("%s: released %v", c.name, released)
		}
	}
}

// TestWaitingChainsKeepNobodyElse: however many wait for something slow.
func TestWaitingChainsKeepNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &Intake{Timeout: time.Minute, Log: discard}
		answered := make(chan struct{})
		slow := Chain{{Name: "slow", Handler: handlerFunc(func(*gateway.Exchange) (gateway.Verdict, error) {
			<-answered
			return gateway.Verdict{}, nil
		})}}
		var waiting sync.WaitGroup
		for range 1000 {
			waiting.Go(func() { in.rule(t.Context(), slow, gateway.Exchange{}) })
		}
		synctest.Wait()
		start := time.Now()
		r := in.rule(t.Context(), Chain{{Name: "quick", Handler: says(gateway.Verdict{})}}, gateway.Exchange{Leg: &gateway.Leg{}})
		if r.action != gateway.Continue || time.Since(start) > 0 {
			t.Errorf("ruled %s after %v", r.action, time.Since(start))
		}
		close(answered)
		waiting.Wait()
	})
}

// TestRecordNamesWhoRuled: a stand-in is named in place of the module asked.
func TestRecordNamesWhoRuled(t *testing.T) {
	chain := Chain{{Module: "tag@new", Handler: says(gateway.Verdict{Module: "tag@old"})}, {Module: "x@1", Handler: says(gateway.Verdict{})}}
	r := chain.run(t.Context(), exchange(t), discard)
	if len(r.modules) != 2 || r.modules[0] != "tag@old" || r.modules[1] != "x@1" {
		t.Errorf("modules %v", r.modules)
	}
}
