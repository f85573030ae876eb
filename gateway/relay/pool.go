package relay

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/smtp"
)

// firstConnections is how many connections a target gets before it has taken
// a message.
const firstConnections = 4

// pool is the connections to one target.
type pool struct {
	target  Target
	options Options
	dial    smtp.Options
	log     *slog.Logger

	open sync.WaitGroup // connections, until they are closed
	ask  chan struct{}  // full while somebody learns what is offered
	wake chan struct{}  // one place may have become free

	mu       sync.Mutex
	closed   bool
	links    []*link
	last     *smtp.Conn // the one that was opened last, to tell what is offered
	askAfter time.Time  // no attempt to learn what is offered before
	opening  int        // connections being opened
	closing  int        // connections that say QUIT
	allowed  int        // connections, from 1 to ConnectionsMax
	failures int        // attempts to connect in a row
	held     *gateway.Status
	until    time.Time // no attempt to connect before
}

// link is one open connection and who uses it.
type link struct {
	conn  *smtp.Conn
	users int // deliveries: UsersMax at most
	sent  int // messages begun
	most  int // messages that it may take
	idle  *time.Timer
}

func newPool(name string, target Target, o Options) *pool {
	return &pool{
		target:  target,
		options: o,
		dial: smtp.Options{
			Protocol: target.Protocol, Security: target.Security, TLS: target.TLS,
			User: target.User, Password: target.Password,
			Hostname: o.Hostname, Timeouts: o.Timeouts, DialContext: o.DialContext,
		},
		log:     o.Logger.With("route", name, "target", target.String()),
		wake:    make(chan struct{}, 1),
		ask:     make(chan struct{}, 1),
		allowed: min(firstConnections, o.ConnectionsMax),
	}
}

// Statuses of deliveries that got no connection.
var (
	errClosed = &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 3, 2}, Text: "the gateway is shutting down"}
	errBusy   = gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 4, 5}, Text: "no connection to the next hop was free in time"}
)

// choice is what an acquirer is to do: use a link, dial, give up with a
// status, or wait where all are zero.
type choice struct {
	link   *link
	dial   bool
	status *gateway.Status
}

// acquire returns a link for one transaction, to be given to release.
func (p *pool) acquire(ctx context.Context) (*link, *gateway.Status) {
	for {
		c, more := p.choose()
		if more {
			p.signal()
		}
		if c.dial {
			return p.connect(ctx)
		}
		if c != (choice{}) {
			return c.link, c.status
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
			busy := errBusy
			busy.Cause = ctx.Err()
			return nil, &busy
		}
	}
}

// signal wakes one of those who wait. Whoever finds something wakes the next,
// where there is more to be found.
func (p *pool) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// UsersMax is how many deliveries share a connection of a target that offers
// PIPELINING. More would find nothing to do (see smtp.Conn).
const UsersMax = 3

// choose takes what look finds. more says that the next one would find something
// too.
func (p *pool) choose() (c choice, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch c = p.look(); {
	case c.dial:
		p.opening++
	case c.link != nil:
		c.link.use()
	}
	return c, c != choice{} && p.look() != choice{}
}

// look prefers an idle link, then a new one, then a place on one beside others.
func (p *pool) look() choice {
	if p.closed {
		return choice{status: errClosed}
	}
	if l := p.find(0); l != nil {
		return choice{link: l}
	}
	taken := len(p.links) + p.opening + p.closing
	held := time.Now().Before(p.until)
	trial := p.failures > 0 && p.opening > 0 // one tries for all
	switch {
	case taken < p.allowed && !held && !trial:
		return choice{dial: true}
	case held && taken == 0:
		return choice{status: p.held}
	}
	for users := 1; users < UsersMax; users++ {
		if l := p.find(users); l != nil && l.conn.Pipelines() {
			return choice{link: l}
		}
	}
	return choice{}
}

// find returns a link with so many users that can take one more message. The
// last one used comes first, so that others become idle.
func (p *pool) find(users int) *link {
	for _, l := range slices.Backward(p.links) {
		if l.users == users && l.sent < l.most && l.conn.Usable() {
			return l
		}
	}
	return nil
}

func (l *link) use() {
	if l.idle != nil {
		l.idle.Stop()
	}
	l.users++
	l.sent++
}

// connect opens a connection. Its failure holds all deliveries down for a
// while, unless it was ctx that ended.
func (p *pool) connect(ctx context.Context) (*link, *gateway.Status) {
	conn, err := smtp.Dial(ctx, p.target.Network, p.target.Address, p.dial)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.signal()
	p.opening--
	if err != nil {
		status := gateway.AsStatus(err)
		if ctx.Err() == nil {
			p.hold(status)
		}
		return nil, status
	}
	p.last = conn
	l := &link{conn: conn, most: p.options.MessagesPerConnectionMax}
	if most := conn.MessagesMax(); most > 0 {
		l.most = min(l.most, most)
	}
	p.failures, p.until = 0, time.Time{}
	l.use()
	p.links = append(p.links, l)
	p.open.Add(1)
	if p.closed {
		l.users--
		p.drop(l)
		return nil, errClosed
	}
	return l, nil
}

// hold notes a failure to connect. Several that failed at a time count once.
func (p *pool) hold(status *gateway.Status) {
	now := time.Now()
	if now.Before(p.until) {
		return
	}
	pause := min(p.options.HoldDown<<min(p.failures, 16), p.options.HoldDownMax)
	p.failures++
	p.until, p.held = now.Add(pause), status
	p.log.Warn("next hop unavailable", "pause", pause, "status", status.Error())
}

// release gives l back. excused says that an end of the connection is no
// fault of the target.
func (p *pool) release(l *link, excused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.signal()
	l.users--
	usable := l.conn.Usable()
	switch {
	case usable:
		p.allowed = min(p.allowed+1, p.options.ConnectionsMax)
	case !excused:
		p.allowed = max(p.allowed/2, 1)
	}
	switch {
	case l.users > 0:
	case !usable || p.closed || l.sent >= l.most:
		p.drop(l)
	default:
		l.idle = time.AfterFunc(p.options.Idle, func() { p.expire(l) })
	}
}

// expire closes a link that nobody used for a while.
func (p *pool) expire(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.users == 0 {
		p.drop(l)
	}
}

// drop closes a link without users. It counts until it is closed, so that the
// target never sees more than is allowed. p.mu is held.
func (p *pool) drop(l *link) {
	i := slices.Index(p.links, l)
	if i < 0 {
		return
	}
	p.links = slices.Delete(p.links, i, i+1)
	p.closing++
	go func() {
		defer p.open.Done()
		_ = l.conn.Close()
		p.mu.Lock()
		p.closing--
		p.mu.Unlock()
		p.signal()
	}()
}

// closeIdle closes the links that nobody uses.
func (p *pool) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range slices.Clone(p.links) {
		if l.users == 0 {
			l.idle.Stop()
			p.drop(l)
		}
	}
}

// shut refuses what comes and closes what is idle.
func (p *pool) shut() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.closeIdle()
	p.signal()
}
