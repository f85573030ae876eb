package sandbox

import (
	"context"
	"sync"
	"time"

	"github.com/tetratelabs/wazero/api"
)

// brake stops a metered module that computes past its time limit, or for a
// caller that has given up, within a slice of its fuel. Host functions look at
// the clock themselves; this is for code that calls none.
//
// A call takes a microsecond and a timer of its own would take another: one
// that is set stays for the calls to come, and looks at whichever it finds.
type brake struct {
	stop api.MutableGlobal // nil: the module is not metered

	mu       sync.Mutex
	running  context.Context // of the call that runs, nil: none does
	deadline time.Duration   // of that call, since epoch
	pulled   bool            // stop is set
	rings    time.Duration   // when the timer is due, since epoch; zero: none is set
	turn     int             // of the timer that is set, so that a late one does nothing
}

// brakeTick is how late a call is stopped whose caller has given up.
const brakeTick = 10 * time.Millisecond

// watch begins to watch a call, until release.
func (b *brake) watch(c *call) {
	if b.stop == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running, b.deadline = c.Context, c.deadline
	if b.pulled {
		b.stop.Set(0)
		b.pulled = false
	}
	if b.rings == 0 || b.deadline < b.rings {
		b.set(c.start)
	}
}

// set has the timer ring at the next tick, or at the deadline before it.
func (b *brake) set(now time.Duration) {
	wait := min(brakeTick, b.deadline-now)
	b.turn++
	b.rings = now + wait
	turn := b.turn
	time.AfterFunc(wait, func() { b.ring(turn) })
}

// ring looks at the call that runs.
func (b *brake) ring(turn int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.turn != turn {
		return
	}
	b.rings = 0
	if b.running == nil {
		return
	}
	now := now()
	if b.running.Err() != nil || now >= b.deadline {
		b.stop.Set(1)
		b.pulled = true
		return
	}
	b.set(now)
}

// release ends the watch, and says whether the module was told to stop.
func (b *brake) release() (pulled bool) {
	if b.stop == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running = nil
	return b.pulled
}

// quiet unsets the timer: what loads a module may live by another clock than
// what calls it.
func (b *brake) quiet() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	b.rings = 0
}
