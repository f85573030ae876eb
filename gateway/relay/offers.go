package relay

import (
	"context"
	"time"

	"github.com/mmgw/mmgw/gateway/smtp"
)

// A target that nobody has spoken to yet is asked what it offers, by a
// connection that is there for the mail to come. Whoever wants to know waits
// no longer than askTimeout, and nobody waits again within askInterval.
const (
	askTimeout  = 3 * time.Second
	askInterval = time.Minute
)

// Offers says whether the target of route has keyword in its reply to EHLO, as
// of the last connection to it. One that does not answer offers nothing.
func (r *Relay) Offers(ctx context.Context, route, keyword string) bool {
	p := r.pools[route]
	if p == nil {
		return false
	}
	conn := p.acquaintance(ctx)
	if conn == nil {
		return false
	}
	_, ok := conn.Offers(keyword)
	return ok
}

// acquaintance is the connection that was opened last, whether or not it still is
// open; nil where there never was one. The first caller meets the target, and the
// others wait for it.
func (p *pool) acquaintance(ctx context.Context) *smtp.Conn {
	if conn := p.lastConn(); conn != nil {
		return conn
	}
	p.asking <- struct{}{}
	defer func() { <-p.asking }()
	if p.mayAsk(time.Now()) {
		p.meet(ctx)
	}
	return p.lastConn()
}

func (p *pool) lastConn() *smtp.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// mayAsk says whether there is something to learn now. If so, nobody is to ask again
// within askInterval.
func (p *pool) mayAsk(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last != nil || now.Before(p.askAfter) {
		return false
	}
	p.askAfter = now.Add(askInterval)
	return true
}

// meet opens a connection, where that is allowed, and waits for what comes of it.
func (p *pool) meet(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	p.mu.Lock()
	dialled := p.dialled
	if p.mayDial() {
		p.connect()
	}
	waiting := len(p.opening) > 0
	p.mu.Unlock()
	if !waiting {
		return
	}
	select {
	case <-dialled:
	case <-ctx.Done():
	}
}
