package relay

import (
	"slices"
	"sync/atomic"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/smtp"
)

// order is what one call of Deliver or Verify sends.
type order struct {
	callout bool // of Verify: it never waits behind a final dot

	// Both are guarded by pool.mu while the order is in a backlog, and are for whoever
	// took it out after that.
	next func() (s *gateway.Shipment, left int) // see gateway.Transport
	left int                                    // as next said last

	withdrawn *gateway.Status // why it is not wanted any more; guarded by pool.mu

	unsettled atomic.Int64  // its parcels, and one more while left is not 0
	done      chan struct{} // closed when unsettled is 0
}

func newOrder(next func() (*gateway.Shipment, int)) *order {
	o := &order{next: next, left: 1, done: make(chan struct{})}
	o.unsettled.Store(1)
	return o
}

// parcel is one shipment of an order.
type parcel struct {
	smtp.Parcel
	order *order
}

// take returns the next parcel, or nil where there turns out to be none. It is not
// called again once o.left is 0.
func (o *order) take() *parcel {
	s, left := o.next()
	if s == nil {
		o.left = 0
		o.settled()
		return nil
	}
	o.unsettled.Add(1)
	if o.left = left; left == 0 {
		o.settled()
	}
	return &parcel{Parcel: smtp.Parcel{Shipment: *s}, order: o}
}

// settled counts one down.
func (o *order) settled() {
	if o.unsettled.Add(-1) == 0 {
		close(o.done)
	}
}

// backlog is what waits for a connection, in the order in which it goes. In a pool it
// is guarded by pool.mu.
type backlog struct {
	callouts []*order  // somebody waits for their answers at RCPT
	again    []*parcel // a connection took them and could not send them
	orders   []*order  // that have more, by turns
}

// size is how many parcels wait. An order that was not asked yet counts as one.
func (b *backlog) size() int {
	n := len(b.again) + len(b.callouts)
	for _, o := range b.orders {
		n += o.left
	}
	return n
}

func (b *backlog) add(o *order) {
	if o.callout {
		b.callouts = append(b.callouts, o)
	} else {
		b.orders = append(b.orders, o)
	}
}

// take takes out the parcel that goes next, nil where there is none. With behind set
// it is to wait behind a final dot, and there is none while a callout is next.
func (b *backlog) take(behind bool) *parcel {
	switch {
	case len(b.callouts) > 0:
		if behind {
			return nil
		}
		return shift(&b.callouts).take()
	case len(b.again) > 0:
		if behind && b.again[0].order.callout {
			return nil
		}
		return shift(&b.again)
	}
	for len(b.orders) > 0 {
		o := shift(&b.orders)
		p := o.take()
		if o.left > 0 {
			b.orders = append(b.orders, o)
		}
		if p != nil {
			return p
		}
	}
	return nil
}

func shift[T any](queue *[]T) T {
	first := (*queue)[0]
	*queue = slices.Delete(*queue, 0, 1)
	return first
}

// remove takes out what is left of one order.
func (b *backlog) remove(o *order) (removed backlog) {
	b.again = slices.DeleteFunc(b.again, func(p *parcel) bool {
		if p.order == o {
			removed.again = append(removed.again, p)
		}
		return p.order == o
	})
	for _, queue := range []*[]*order{&b.callouts, &b.orders} {
		if i := slices.Index(*queue, o); i >= 0 {
			*queue = slices.Delete(*queue, i, i+1)
			removed.orders = append(removed.orders, o)
		}
	}
	return removed
}

// refuse settles everything with status. b is not in a pool any more, and no lock is
// held: settling may wait for the disk.
func (b *backlog) refuse(status *gateway.Status) {
	for p := b.take(false); p != nil; p = b.take(false) {
		p.refuse(status)
	}
}

func (p *parcel) refuse(status *gateway.Status) {
	p.Refuse(status)
	p.order.settled()
}
