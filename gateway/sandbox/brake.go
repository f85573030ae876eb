package sandbox

import (
	"context"
	"sync"
	"time"

	"github.com/tetratelabs/wazero/api"
)

// brake stops a metered module that computes past its time limit, or whose caller
// has given up, within one slice of its fuel. Host functions look at the clock
// themselves; the brake is for code that calls none.
//
// A small call takes a microsecond, and setting a timer would take another. So a
// timer that is set is left for later calls, and checks whichever is running when
// it rings.
type brake struct {
	stop api.MutableGlobal // nil: the module is not metered

	mu       sync.Mutex
	running  context.Context // of the call in progress; nil: there is none
	deadline time.Duration   // of that call, since epoch
	pulled   bool            // stop is set
	rings    time.Duration   // when the timer is due, since epoch; 0: none is set
	turn     int             // counts timers, so that one that was replaced does nothing
}

// brakeTick is how long a call may go on after its caller has given up.
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

// set starts a timer for the next tick, or for the deadline if that comes first.
func (b *brake) set(now time.Duration) {
	wait := min(brakeTick, b.deadline-now)
	b.turn++
	b.rings = now + wait
	turn := b.turn
	time.AfterFunc(wait, func() { b.ring(turn) })
}

// ring checks the call in progress, and pulls the brake if it has to end.
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

// quiet drops the timer that is set. Tests load a module by the real clock, and
// call it by that of a synctest bubble.
func (b *brake) quiet() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	b.rings = 0
}
