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

// pool is the connections to one target, and what waits for them.
type pool struct {
	target  Target
	options Options
	dial    smtp.Options
	log     *slog.Logger

	open   sync.WaitGroup // connections, from dialling until they are closed
	ask    chan struct{}  // full while somebody learns what is offered
	ctx    context.Context
	cancel context.CancelFunc // ends dialling

	mu       sync.Mutex
	closed   bool
	backlog  backlog
	links    []*link
	idle     []*link       // of them, the last one used at the end
	last     *smtp.Conn    // the one that was opened last, to tell what is offered
	askAfter time.Time     // no attempt to learn what is offered before
	dialled  chan struct{} // closed when the next attempt to connect has ended
	opening  []*opening    // connections that are not open yet, the first at first
	closing  int           // connections that say QUIT
	allowed  int           // connections, from 1 to ConnectionsMax
	failures int           // to connect, or at the first MAIL, in a row
	held     *gateway.Status
	until    time.Time // no attempt to connect before
}

func newPool(name string, target Target, o Options) *pool {
	p := &pool{
		target:  target,
		options: o,
		dial: smtp.Options{
			Protocol: target.Protocol, Security: target.Security, TLS: target.TLS,
			User: target.User, Password: target.Password,
			Hostname: o.Hostname, Timeouts: o.Timeouts, DialContext: o.DialContext, MessagesMax: o.MessagesPerConnectionMax,
		},
		log:     o.Logger.With("route", name, "target", target.String()),
		ask:     make(chan struct{}, 1),
		dialled: make(chan struct{}),
		allowed: min(firstConnections, o.ConnectionsMax),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// Statuses of what got no connection.
var (
	errClosed = &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 3, 2}, Text: "the gateway is shutting down"}
	errBusy   = gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 4, 5}, Text: "no connection to the next hop was free in time"}
)

// enroll takes an order, unless the Status says why there is no point.
func (p *pool) enroll(o *order) *gateway.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return errClosed
	case p.isHeld() && p.taken() == 0:
		return p.held
	}
	p.backlog.add(o)
	p.grow()
	return nil
}

func (p *pool) retry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Time{}
	p.grow()
}

func (p *pool) isHeld() bool { return time.Now().Before(p.until) }

// taken is the connections that the target sees, or is about to.
func (p *pool) taken() int { return len(p.links) + len(p.opening) + p.closing }

// grow finds somebody for each parcel that waits: links that are about to look,
// idle ones, and new ones where they are allowed. Whoever takes a parcel does this
// again, for those that an order told of only then. p.mu is held.
func (p *pool) grow() {
	waiting := p.backlog.size()
	if waiting == 0 {
		return
	}
	looking := -len(p.idle)
	for _, l := range p.links {
		if len(l.carried) == 0 {
			looking++
		}
	}
	for waiting -= looking; waiting > 0 && len(p.idle) > 0; waiting-- {
		last := len(p.idle) - 1
		p.idle[last].wake <- struct{}{}
		p.idle = p.idle[:last]
	}
	for waiting > len(p.opening) && p.mayDial() {
		p.connect()
	}
}

// mayDial says whether one more connection is allowed. After a failure one tries
// for all.
func (p *pool) mayDial() bool {
	trial := p.failures > 0 && len(p.opening) > 0
	return p.taken() < p.allowed && !p.isHeld() && !trial && !p.closed
}

// opening is a connection from dialling until EHLO is answered.
type opening struct {
	ctx context.Context
	end context.CancelFunc
}

// connect opens one more connection, in the background. p.mu is held.
func (p *pool) connect() {
	var o opening
	o.ctx, o.end = context.WithCancel(p.ctx)
	p.opening = append(p.opening, &o)
	p.open.Add(1)
	go func() {
		defer o.end()
		conn, err := smtp.Dial(o.ctx, p.target.Network, p.target.Address, p.dial)
		if err != nil {
			p.failed(&o, gateway.AsStatus(err))
			p.open.Done()
			return
		}
		p.connected(&o, conn).serve()
	}()
}

func (p *pool) connected(o *opening, conn *smtp.Conn) *link {
	l := &link{pool: p, conn: conn, wake: make(chan struct{}, 1)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = conn
	p.links = append(p.links, l)
	p.dialEnded(o)
	p.grow()
	return l
}

// failed notes a failure to connect. One that nobody waited for any more tells
// nothing about the target.
func (p *pool) failed(o *opening, status *gateway.Status) {
	p.mu.Lock()
	p.dialEnded(o)
	if o.ctx.Err() == nil {
		p.hold(status)
	}
	p.grow()
	refuse := p.giveUp()
	p.mu.Unlock()
	refuse()
}

// giveUp takes what waits out of the backlog if no connection is there for it, nor
// allowed. refuse is for after p.mu, which is held.
func (p *pool) giveUp() (refuse func()) {
	if !p.isHeld() || p.taken() > 0 {
		return func() {}
	}
	refused, status := p.backlog, p.held
	p.backlog = backlog{}
	return func() { refused.refuse(status) }
}

func (p *pool) dialEnded(o *opening) {
	i := slices.Index(p.opening, o)
	p.opening = slices.Delete(p.opening, i, i+1)
	close(p.dialled)
	p.dialled = make(chan struct{})
}

// hold keeps from dialling for a while, longer each time until a transaction goes
// well. Several attempts that failed at a time count once. p.mu is held.
func (p *pool) hold(status *gateway.Status) {
	now := time.Now()
	if now.Before(p.until) {
		return
	}
	pause := min(p.options.HoldDown<<min(p.failures, 16), p.options.HoldDownMax)
	p.failures++
	p.until, p.held = now.Add(pause), status
	p.log.Warn("next hop unavailable", "pause", pause, "status", status.Error())
	time.AfterFunc(pause, func() { // for what waits behind a connection that hangs
		p.mu.Lock()
		defer p.mu.Unlock()
		p.grow()
	})
}

// judge draws the conclusions from what became of a parcel. If the link was too old
// for it, so are those that are idle, unless it broke under the one before. p.mu is
// held.
func (p *pool) judge(l *link, aged bool) {
	broken := aged || l.conn.Broken()
	switch {
	case l.judged:
	case aged:
		p.dismiss()
	case broken:
		p.allow(p.allowed / 2)
		if refusal := l.conn.Unwelcome(); refusal != nil {
			p.hold(refusal)
		}
	default:
		p.allow(p.allowed + 1)
		p.failures, p.until = 0, time.Time{}
	}
	l.judged = l.judged || broken
}

// allow sets how many connections there may be.
func (p *pool) allow(n int) { p.allowed = min(max(n, 1), p.options.ConnectionsMax) }

// state is what a link is to do.
type state int

const (
	busy  state = iota // there is something for it to send
	idle               // it is in pool.idle
	ended              // it is to close: until that is done it counts, so that the target never sees more than is allowed
)

// look says what a link is to do that is in nobody's hands.
func (p *pool) look(l *link) state {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case l.stale, p.closed, !l.conn.Usable():
		i := slices.Index(p.links, l)
		p.links = slices.Delete(p.links, i, i+1)
		p.closing++
		p.grow()
		return ended
	case p.backlog.size() > 0:
		return busy
	}
	p.idle = append(p.idle, l)
	return idle
}

// dismiss ends the idle links. p.mu is held.
func (p *pool) dismiss() {
	for _, l := range p.idle {
		l.stale = true
		l.wake <- struct{}{}
	}
	p.idle = nil
}

// withdraw takes an order back: what is not sent is refused, and a connection that
// speaks for it ends. So do those that are being opened beyond what still waits: a
// server that does not greet now may greet the next one.
func (p *pool) withdraw(o *order, cause error) {
	status := errBusy
	status.Cause = cause
	p.mu.Lock()
	o.withdrawn = &status
	removed := p.backlog.remove(o)
	for _, l := range p.links {
		if len(l.carried) > 0 && l.carried[0].order == o {
			l.abort()
		}
	}
	for _, spare := range p.opening[min(p.backlog.size(), len(p.opening)):] {
		spare.end()
	}
	p.mu.Unlock()
	removed.refuse(&status)
}

// shut refuses what waits and what comes, and ends what is idle.
func (p *pool) shut() {
	p.mu.Lock()
	p.closed = true
	refused := p.backlog
	p.backlog = backlog{}
	p.dismiss()
	p.mu.Unlock()
	p.cancel()
	refused.refuse(errClosed)
}
