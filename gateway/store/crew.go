package store

import "sync"

// idleMax is how many goroutines wait for work. A stack of theirs is some 30
// KB, and shrinks while it is not used.
const idleMax = 64

// crew runs functions in goroutines that stay when they are done. A new
// goroutine begins with a small stack, and code that calls deep, as the engine
// does, has it copied to a larger one again and again; one that has done such
// work before has its stack already. The zero value is ready; it is safe for
// concurrent use.
type crew struct {
	mu     sync.Mutex
	idle   []chan func() // those that came last are at the end
	closed bool
}

// start runs f. It waits for nothing: as many goroutines work as there is work.
func (c *crew) start(f func()) {
	c.mu.Lock()
	n := len(c.idle)
	if n == 0 {
		c.mu.Unlock()
		go c.work(f)
		return
	}
	next := c.idle[n-1]
	c.idle = c.idle[:n-1]
	c.mu.Unlock()
	next <- f
}

func (c *crew) work(f func()) {
	next := make(chan func(), 1)
	for f != nil {
		f()
		if !c.rest(next) {
			return
		}
		f = <-next
	}
}

// rest has a goroutine wait for work, unless enough others do.
func (c *crew) rest(next chan func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle) == idleMax {
		return false
	}
	c.idle = append(c.idle, next)
	return true
}

// close sends home who is idle, and the others when they are done.
func (c *crew) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, next := range c.idle {
		close(next)
	}
	c.idle = nil
}
