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

// acquaintance is the connection that was opened last, whether or not it still
// is; nil where there never was one.
func (p *pool) acquaintance(ctx context.Context) *smtp.Conn {
	if conn, known := p.lastConn(time.Time{}); known {
		return conn
	}
	p.ask <- struct{}{}
	defer func() { <-p.ask }()
	if conn, known := p.lastConn(time.Now()); known {
		return conn
	}
	p.meet(ctx)
	conn, _ := p.lastConn(time.Time{})
	return conn
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

// lastConn is the connection that was opened last. Where there is none it is
// known at now that nothing is to be learnt yet, or from now on it is to be:
// by the caller. A zero now only looks.
func (p *pool) lastConn(now time.Time) (conn *smtp.Conn, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last != nil || now.IsZero() {
		return p.last, p.last != nil
	}
	if now.Before(p.askAfter) {
		return nil, true
	}
	p.askAfter = now.Add(askInterval)
	return nil, false
}
