package relay

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/smtp"
)

// Options make a Relay. A zero field takes the default that stands beside it.
type Options struct {
	// Targets are the next hops by the names that Delivery.Route has; "" is
	// the upstream MTA.
	Targets map[string]Target

	Hostname                 string        // said in EHLO, see smtp.Options
	ConnectionsMax           int           // 10, to one target
	MessagesPerConnectionMax int           // 100: OpenSMTPD takes no more
	Idle                     time.Duration // 5 s, then a connection is closed
	HoldDown                 time.Duration // 1 s, after the first failure to connect; each further one doubles it
	HoldDownMax              time.Duration // 1 min
	Timeouts                 smtp.Timeouts

	// DialContext opens connections; nil is that of net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	Logger      *slog.Logger // nil discards
}

// attemptsMax bounds the connections that one delivery tries because the ones
// before were too old. It is more than one because a restart of the target
// makes every open connection such a one.
const attemptsMax = 5

// Relay is a gateway.Transport over connections that are kept open. It is safe
// for concurrent use.
type Relay struct {
	pools map[string]*pool
}

var _ gateway.Transport = (*Relay)(nil)

// New returns a Relay to the targets of o. It connects when there is mail.
func New(o Options) *Relay {
	o.ConnectionsMax = cmp.Or(o.ConnectionsMax, 10)
	o.MessagesPerConnectionMax = cmp.Or(o.MessagesPerConnectionMax, 100)
	o.Idle = cmp.Or(o.Idle, 5*time.Second)
	o.HoldDown = cmp.Or(o.HoldDown, time.Second)
	o.HoldDownMax = cmp.Or(o.HoldDownMax, time.Minute)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	r := &Relay{pools: make(map[string]*pool)}
	for name, target := range o.Targets {
		r.pools[name] = newPool(name, target, o)
	}
	return r
}

// Deliver implements gateway.Transport, with the target that d.Route names. A
// route without a target is Deferred.
func (r *Relay) Deliver(ctx context.Context, d *gateway.Delivery, content gateway.Content, settle func([]*gateway.Status)) {
	failure := r.with(ctx, d.Route, func(conn *smtp.Conn, last bool) (again bool) {
		conn.Send(ctx, d, content, func(statuses []*gateway.Status, tooOld bool) {
			if again = tooOld && !last && ctx.Err() == nil; !again {
				settle(statuses)
			}
		})
		return again
	})
	if failure != nil {
		settle(slices.Repeat([]*gateway.Status{failure}, len(d.Recipients)))
	}
}

// Verify asks the target of route whether it takes mail for path: the Status
// of RCPT behind a null reverse-path, without content.
func (r *Relay) Verify(ctx context.Context, route string, path gateway.ForwardPath) *gateway.Status {
	var status *gateway.Status
	failure := r.with(ctx, route, func(conn *smtp.Conn, last bool) (again bool) {
		status, again = conn.Verify(ctx, path)
		return again && !last && ctx.Err() == nil
	})
	return cmp.Or(failure, status)
}

// with runs a transaction on a connection to the target of route, and once
// more on another where the first turns out to be too old, unless it is the
// last that is tried. The Status says why there was no connection.
func (r *Relay) with(ctx context.Context, route string, transaction func(conn *smtp.Conn, last bool) (again bool)) *gateway.Status {
	p := r.pools[route]
	if p == nil {
		return gateway.Deferred(fmt.Errorf("there is no route %q", route))
	}
	for attempt := 1; ; attempt++ {
		l, failure := p.acquire(ctx)
		if failure != nil {
			return failure
		}
		again := transaction(l.conn, attempt == attemptsMax)
		p.release(l, again || ctx.Err() != nil)
		if !again {
			return nil
		}
		p.closeIdle()
	}
}

// Close refuses further deliveries, closes the connections and returns when
// all are closed. Deliveries under way go on; their contexts can end them.
func (r *Relay) Close() error {
	for _, p := range r.pools {
		p.shut()
	}
	for _, p := range r.pools {
		p.open.Wait()
	}
	return nil
}
