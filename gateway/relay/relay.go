package relay

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
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

// Deliver implements gateway.Transport. A route without a target is Transient.
func (r *Relay) Deliver(ctx context.Context, route string, next func() (*gateway.Shipment, int)) {
	r.fulfil(ctx, route, newOrder(next))
}

// Verify asks the target of route whether it takes mail for path: the Status
// of RCPT after a null reverse-path, without content.
func (r *Relay) Verify(ctx context.Context, route string, path gateway.ForwardPath) (status *gateway.Status) {
	callout := &gateway.Shipment{
		Delivery: &gateway.Delivery{Recipients: []gateway.Recipient{{Path: path}}},
		Settle: func(statuses []*gateway.Status, settled func()) {
			status = statuses[0]
			settled()
		},
	}
	o := newOrder(func() (*gateway.Shipment, int) { return callout, 0 })
	o.callout = true
	r.fulfil(ctx, route, o)
	return status
}

// fulfil returns when all of o is settled.
func (r *Relay) fulfil(ctx context.Context, route string, o *order) {
	refuse := func(status *gateway.Status) { (&backlog{orders: []*order{o}}).refuse(status) }
	p := r.pools[route]
	if p == nil {
		refuse(noRoute(route))
		return
	}
	if status := p.enroll(o); status != nil {
		refuse(status)
		return
	}
	select {
	case <-o.done:
	case <-ctx.Done():
		p.withdraw(o, ctx.Err())
		<-o.done
	}
}

// noRoute is the Status of mail for a route that the configuration does not have
// any more: those who run the gateway can give it back.
func noRoute(route string) *gateway.Status {
	return &gateway.Status{
		Code: 451, Enhanced: gateway.EnhancedCode{4, 3, 5}, Text: "the route of this message is not configured",
		Cause: fmt.Errorf("there is no route %q", route),
	}
}

// Retry has targets that are left alone tried by the next delivery: somebody says
// that they work again. One that does not is left alone as long as it would have
// been.
func (r *Relay) Retry() {
	for _, p := range r.pools {
		p.retry()
	}
}

// Close refuses what was not sent yet, closes the connections and returns when
// all are closed. Transactions under way go on; their contexts can end them.
func (r *Relay) Close() {
	for _, p := range r.pools {
		p.shut()
	}
	for _, p := range r.pools {
		p.open.Wait()
	}
}
