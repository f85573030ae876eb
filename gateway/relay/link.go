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
	wake chan struct{} // full when it was taken out of pool.idle

	// Guarded by pool.mu.
	carried []*parcel // the first is under way, the next waits behind it
	stale   bool      // it takes nothing more
	judged  bool      // how it ended has no more to tell
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
	refuse := p.giveUp()
	p.mu.Unlock()
	refuse()
}

// await waits until there is something to send; false says that the connection
// is of no more use.
func (l *link) await() bool {
	for {
		switch l.pool.look(l) {
		case ended:
			return false
		case busy:
			return true
		}
		l.sleep()
	}
}

// sleep returns when the link is not idle any more: there is work, or it has been
// so for Idle and is stale.
func (l *link) sleep() {
	p := l.pool
	timer := time.NewTimer(p.options.Idle)
	defer timer.Stop()
	select {
	case <-l.wake:
		return
	case <-timer.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.idle, l); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
		l.stale = true
		return
	}
	<-l.wake // somebody was quicker
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
	refused := one.order.withdrawn
	if p.closed {
		refused = errClosed
	}
	if again && refused == nil {
		p.backlog.again = append(p.backlog.again, one)
		p.grow()
	}
	p.mu.Unlock()
	switch {
	case !again:
		one.order.settled()
	case refused != nil:
		one.refuse(refused)
	}
}

// unload takes a parcel off the link. What waited behind it has its turn now, if
// anybody still wants it. pool.mu is held.
func (l *link) unload(done *smtp.Parcel) *parcel {
	i := slices.IndexFunc(l.carried, func(c *parcel) bool { return &c.Parcel == done })
	one := l.carried[i]
	l.carried = slices.Delete(l.carried, i, i+1)
	if len(l.carried) > 0 && l.carried[0].order.withdrawn != nil {
		l.abort()
	}
	return one
}

// abort ends what is under way. That tells nothing about the target. pool.mu is
// held.
func (l *link) abort() {
	l.judged = true
	l.conn.Abort()
}
