package sandbox

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Code that calls no host function stops for a caller that gives up, and the
// next call is none the worse.
func TestPureComputingStopsForNobody(t *testing.T) {
	p := hostile(t, Env{}, loopForever, Spec{Fuel: 1 << 50, Timeout: time.Hour})
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		_, err := p.Handle(ctx, exchange(t, incoming))
		if failed, ok := errors.AsType[*Error](err); !ok || failed.Fault != Canceled {
			t.Errorf("%v", err)
		}
	}
}

// A clock that is late for its own call stops no other one.
func TestBrakeIsForOneCall(t *testing.T) {
	p := hostile(t, Env{}, beGood, Spec{})
	i, failed := p.acquire(t.Context(), hookIncoming)
	if failed != nil {
		t.Fatal(failed)
	}
	defer p.release(i, nil)
	i.call.begin(t.Context(), p, i, hookIncoming, nil)
	end := i.brake.watch(&i.call)
	old := i.brake.turn
	if end() {
		t.Error("pulled before its time")
	}
	end = i.brake.watch(&i.call)
	i.brake.pull(old)
	if end() {
		t.Error("pulled by the clock of the call before")
	}
	end = i.brake.watch(&i.call)
	i.brake.pull(i.brake.turn)
	if !end() {
		t.Error("not pulled by its own clock")
	}
}
