package relay

import (
	"slices"
	"sync"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/smtp"
)

// order is what one Deliver is to send.
type order struct {
	callout   bool // it is one, and waits behind nobody's final dot
	withdrawn *gateway.Status

	done chan struct{} // closed when nothing is left

	mu   sync.Mutex
	next func() (*gateway.Shipment, int)
	left int // that next will return, as far as it said
	out  int // parcels that are not settled
}

func newOrder(next func() (*gateway.Shipment, int)) *order {
	return &order{next: next, left: 1, done: make(chan struct{})}
}

// parcel is one shipment of an order.
type parcel struct {
	smtp.Parcel
	order *order
}

// take takes the next parcel, nil where there is none. left is how many more there
// are.
func (o *order) take() (p *parcel, left int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s, left := o.next()
	if s == nil {
		if o.left = 0; o.out == 0 {
			close(o.done)
		}
		return nil, 0
	}
	o.left = left
	o.out++
	return &parcel{Parcel: smtp.Parcel{Shipment: *s}, order: o}, left
}

// settled takes a parcel back.
func (o *order) settled() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.out--; o.left == 0 && o.out == 0 {
		close(o.done)
	}
}

// backlog is what waits for a connection.
type backlog struct {
	callouts []*order  // which somebody waits for at RCPT
	again    []*parcel // which go next
	orders   []*order  // that have more, in turns
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

// take takes a parcel, of another order each time; nil where there is none.
// behind says that it is to wait behind a final dot: if a callout is next, which
// does not, nothing goes there.
func (b *backlog) take(behind bool) *parcel {
	switch {
	case len(b.callouts) > 0:
		if behind {
			return nil
		}
		p, _ := shift(&b.callouts).take()
		return p
	case len(b.again) > 0:
		if behind && b.again[0].order.callout {
			return nil
		}
		return shift(&b.again)
	}
	for len(b.orders) > 0 {
		o := shift(&b.orders)
		p, left := o.take()
		if left > 0 {
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

// remove takes out all of one order.
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

// refuse settles all with status. Nobody else has the backlog any more.
func (b *backlog) refuse(status *gateway.Status) {
	for p := b.take(false); p != nil; p = b.take(false) {
		p.refuse(status)
	}
}

func (p *parcel) refuse(status *gateway.Status) {
	p.Refuse(status)
	p.order.settled()
}
