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
type brake struct {
	stop api.MutableGlobal // nil: the module is not metered

	mu      sync.Mutex
	running bool
	turn    int // of the call that runs, so that a late clock stops no later one
}

// watch begins to watch a call. The function that it returns ends that, and
// says whether the module was told to stop.
func (b *brake) watch(c *call) (end func() (pulled bool)) {
	if b.stop == nil {
		return func() bool { return false }
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	b.running = true
	b.stop.Set(0)
	turn := b.turn
	pull := func() { b.pull(turn) }
	timer := time.AfterFunc(time.Until(c.deadline), pull)
	forget := context.AfterFunc(c.Context, pull)
	return func() bool {
		timer.Stop()
		forget()
		return b.release()
	}
}

func (b *brake) pull(turn int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running && b.turn == turn {
		b.stop.Set(1)
	}
}

func (b *brake) release() (pulled bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running = false
	return b.stop.Get() != 0
}
