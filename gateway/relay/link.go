package relay

import (
	"slices"
	"time"

	"github.com/mmgw/mmgw/gateway/smtp"
)

// link is one connection and the goroutine that runs it.
type link struct {
	pool *pool
	conn *smtp.Conn
	wake chan struct{} // gets a value when somebody takes the link out of pool.idle

	// Guarded by pool.mu.
	carried []*parcel // the first is being sent, a second waits behind it
	stale   bool      // it takes nothing more
	judged  bool      // its end says nothing more about the target
}

var _ smtp.Feed = (*link)(nil)

// serve runs the connection for as long as it is of use, and closes it.
func (l *link) serve() {
	p := l.pool
	defer p.open.Done()
	for l.await() {
		l.conn.Run(l)
	}
	l.conn.Close()
	p.mu.Lock()
	p.closing--
	p.grow()
	refused, status := p.giveUp()
	p.mu.Unlock()
	refused.refuse(status)
}

// await waits until there is something to send. It returns false when the connection
// is of no more use.
func (l *link) await() bool {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	for !l.stale && !p.closed && l.conn.Usable() {
		if p.backlog.size() > 0 {
			return true
		}
		l.rest()
	}
	p.links = remove(p.links, l)
	p.closing++
	p.grow()
	return false
}

// rest waits in pool.idle for work, and for pool.options.Idle at most. pool.mu is
// held, but not while it waits.
func (l *link) rest() {
	p := l.pool
	p.idle = append(p.idle, l)
	p.mu.Unlock()
	timer := time.NewTimer(p.options.Idle)
	defer timer.Stop()
	select {
	case <-l.wake:
		p.mu.Lock()
		return
	case <-timer.C:
	}
	p.mu.Lock()
	if slices.Contains(p.idle, l) {
		p.idle = remove(p.idle, l)
		l.stale = true
		return
	}
	<-l.wake // it was taken out just before
}

// Next implements smtp.Feed.
func (l *link) Next(behind bool) *smtp.Parcel {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	next := p.backlog.take(behind)
	if next == nil {
		return nil
	}
	l.carried = append(l.carried, next)
	p.grow()
	return &next.Parcel
}

// Done implements smtp.Feed.
func (l *link) Done(done *smtp.Parcel, again bool) {
	p := l.pool
	p.mu.Lock()
	one := l.unload(done)
	p.judge(l, again && one.Aged > 0)
	refusal := one.order.withdrawn
	if p.closed {
		refusal = errClosed
	}
	if again && refusal == nil {
		p.backlog.again = append(p.backlog.again, one)
		p.grow()
	}
	p.mu.Unlock()
	switch {
	case !again:
		one.order.settled()
	case refusal != nil:
		one.refuse(refusal)
	}
}

// unload takes a parcel off the link. The one after it is next: if nobody wants that
// any more the connection ends, as it cannot be skipped. pool.mu is held.
func (l *link) unload(done *smtp.Parcel) *parcel {
	i := slices.IndexFunc(l.carried, func(c *parcel) bool { return &c.Parcel == done })
	one := l.carried[i]
	l.carried = slices.Delete(l.carried, i, i+1)
	if len(l.carried) > 0 && l.carried[0].order.withdrawn != nil {
		l.abort()
	}
	return one
}

// abort ends the connection at once, which says nothing about the target. pool.mu is
// held.
func (l *link) abort() {
	l.judged = true
	l.conn.Abort()
}
