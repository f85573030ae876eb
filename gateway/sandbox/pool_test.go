package sandbox

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// free is how many instances may still be lent.
func (p *pool) free() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.places
}

// TestPoolUnderPressure: never more are lent than there are places, whoever gives
// up meanwhile, and in the end all places are free again.
func TestPoolUnderPressure(t *testing.T) {
	const places, callers = 3, 50
	synctest.Test(t, func(t *testing.T) {
		p := newPool(places)
		var lent, gaveUp, served atomic.Int32
		var all sync.WaitGroup
		for n := range callers {
			r := rand.New(rand.NewPCG(1, uint64(n)))
			all.Go(func() {
				for range 100 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(20))*time.Millisecond)
					if i, entered := p.enter(); !entered && !p.wait(ctx, nil) {
						gaveUp.Add(1)
					} else {
						if lent.Add(1) > places {
							t.Error("more are lent than there are places")
						}
						time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
						served.Add(1)
						lent.Add(-1)
						p.leave(i)
					}
					cancel()
				}
			})
		}
		all.Wait()
		if p.free() != places || p.waiting != 0 || len(p.freed) != 0 {
			t.Errorf("%d places are free, %d wait, %d were told", p.places, p.waiting, len(p.freed))
		}
		if gaveUp.Load() == 0 || served.Load() == 0 {
			t.Errorf("%d gave up, %d were served", gaveUp.Load(), served.Load())
		}
	})
}

// TestPoolLendsTheLastOne: its memory is in the cache.
func TestPoolLendsTheLastOne(t *testing.T) {
	p := newPool(2)
	a, b := &instance{}, &instance{}
	for range 2 {
		p.enter()
	}
	p.leave(a)
	p.leave(b)
	if i, entered := p.enter(); i != b || !entered {
		t.Error("it lends the one that was used longer ago")
	}
}
