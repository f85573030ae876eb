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
//
// A connection is in opening from dialling until EHLO is answered, then in links, and
// then counted by closing until QUIT is answered. All of them are open for the target,
// which never sees more than it is allowed.
type pool struct {
	target  Target
	options Options
	dial    smtp.Options
	log     *slog.Logger

	open   sync.WaitGroup // the goroutines of connections
	asking chan struct{}  // full while one caller learns what is offered and others wait for that
	ctx    context.Context
	cancel context.CancelFunc // ends dialling

	mu      sync.Mutex // held for moments: never while something is written, read or settled
	closed  bool
	backlog backlog

	opening []*opening // the oldest first
	links   []*link
	idle    []*link // those of links that wait for work; the last one was used last
	closing int

	allowed  int             // how many connections there may be, from 1 to ConnectionsMax
	failures int             // in a row, to connect or at the first MAIL
	held     *gateway.Status // the last failure
	until    time.Time       // no attempt to connect before

	last     *smtp.Conn    // the connection that was opened last; it knows what is offered
	askAfter time.Time     // no attempt to learn that before
	dialled  chan struct{} // closed when the next attempt to connect has ended
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
		asking:  make(chan struct{}, 1),
		dialled: make(chan struct{}),
		allowed: min(firstConnections, o.ConnectionsMax),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// What is refused without a connection gets one of these, or pool.held.
var (
	errClosed = &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 3, 2}, Text: "the gateway is shutting down"}
	errBusy   = gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 4, 5}, Text: "no connection to the next hop was free in time"}
)

// enroll takes an order, unless it returns why there is no point.
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

// taken is how many connections the target sees, or is about to.
func (p *pool) taken() int { return len(p.opening) + len(p.links) + p.closing }

// grow finds a connection for each parcel that waits: first links that are about to
// look for one, then idle links, which it wakes, then new connections. Whoever takes a
// parcel calls it again, as an order may say only then how much more it has. p.mu is
// held.
func (p *pool) grow() {
	waiting := p.backlog.size()
	if waiting == 0 {
		return
	}
	free := 0
	for _, l := range p.links {
		if len(l.carried) == 0 {
			free++
		}
	}
	waiting -= free - len(p.idle)
	for ; waiting > 0 && len(p.idle) > 0; waiting-- {
		last := len(p.idle) - 1
		p.idle[last].wake <- struct{}{}
		p.idle = p.idle[:last]
	}
	for waiting > len(p.opening) && p.mayDial() {
		p.connect()
	}
}

// mayDial says whether one more connection is allowed. After a failure one is tried
// at a time.
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

// failed notes a failure to connect. An attempt that withdraw ended says nothing about
// the target.
func (p *pool) failed(o *opening, cause *gateway.Status) {
	p.mu.Lock()
	p.dialEnded(o)
	if o.ctx.Err() == nil {
		p.hold(cause)
	}
	p.grow()
	refused, status := p.giveUp()
	p.mu.Unlock()
	refused.refuse(status)
}

func (p *pool) dialEnded(o *opening) {
	p.opening = remove(p.opening, o)
	close(p.dialled)
	p.dialled = make(chan struct{})
}

// giveUp takes out what waits if there is no connection for it and none may be opened.
// It is refused with status once p.mu, which is held, is free.
func (p *pool) giveUp() (refused backlog, status *gateway.Status) {
	if p.isHeld() && p.taken() == 0 {
		refused, p.backlog = p.backlog, backlog{}
	}
	return refused, p.held
}

// hold keeps from dialling for a while, longer each time until a transaction goes
// well. Attempts that failed together count once. p.mu is held.
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

// judge learns about the target from how a parcel went. aged: the link was too old for
// it, and so are the idle ones. Of a connection that ended only its first parcel
// counts. p.mu is held.
func (p *pool) judge(l *link, aged bool) {
	broken := l.conn.Broken()
	switch {
	case l.judged:
		return
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
	l.judged = aged || broken
}

// allow sets how many connections there may be.
func (p *pool) allow(n int) { p.allowed = min(max(n, 1), p.options.ConnectionsMax) }

// dismiss ends the idle links. p.mu is held.
func (p *pool) dismiss() {
	for _, l := range p.idle {
		l.stale = true
		l.wake <- struct{}{}
	}
	p.idle = nil
}

// withdraw takes an order back. What is not sent is refused, and a connection that is
// sending for it ends. So do the youngest attempts to connect that nothing waits for
// any more: the server may greet the next one sooner.
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

// remove is list without its element e.
func remove[T comparable](list []T, e T) []T {
	i := slices.Index(list, e)
	return slices.Delete(list, i, i+1)
}
