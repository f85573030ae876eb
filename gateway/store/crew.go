package store

import "sync"

// idleMax is how many goroutines may wait for work. The stack of each is some 30 KB, and
// shrinks while it is not used.
const idleMax = 64

// crew runs functions in goroutines that are used again. A new goroutine begins with a
// small stack, which is copied to a larger one again and again when calls go as deep as
// those of the engine do; a goroutine that has done such work has its stack already.
// The zero value is ready. It is safe for concurrent use.
type crew struct {
	mu     sync.Mutex
	idle   []chan func() // the last one was busy last
	closed bool
}

// start runs f at once: there are as many goroutines as there is work.
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

// rest says whether a goroutine is to wait for work: not if enough others do.
func (c *crew) rest(next chan func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle) == idleMax {
		return false
	}
	c.idle = append(c.idle, next)
	return true
}

// close ends the idle goroutines, and the others when they are done.
func (c *crew) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, next := range c.idle {
		close(next)
	}
	c.idle = nil
}
