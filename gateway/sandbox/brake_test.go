package sandbox

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
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

// A clock that is late stops no call but its own. In the bubble no clock rings
// unless the test has it ring.
func TestBrakeIsForOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hostile(t, Env{}, beGood, Spec{})
		i, failed := p.acquire(t.Context(), hookIncoming)
		if failed != nil {
			t.Fatal(failed)
		}
		defer p.release(i, nil)
		i.call.begin(t.Context(), p, i, hookIncoming, nil)
		oneCall(t, &i.brake, &i.call)
	})
}

func oneCall(t *testing.T, b *brake, c *call) {
	b.watch(c)
	old := b.turn
	b.quiet()
	if b.release() {
		t.Error("pulled before its time")
	}
	b.watch(c)
	b.deadline = c.start // it is over
	b.ring(old)
	if b.release() {
		t.Error("pulled by the clock of the call before")
	}
	b.watch(c)
	b.deadline = c.start
	b.ring(b.turn)
	if !b.release() {
		t.Error("not pulled by its own clock")
	}
	b.ring(b.turn)
	if b.watch(c); b.stop.Get() != 0 {
		t.Error("a clock that rang while nothing ran stops the next call")
	}
	b.release()
	b.quiet()
}
