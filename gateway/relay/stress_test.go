package relay

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Whatever a target does, and whenever those who wait go away or the relay closes:
// each recipient gets one status, and the right one; no bound is passed; a callout
// ends when it is given up; and nothing is left behind.
func TestMoods(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newMoody(t, seed).visited() })
		})
	}
}

// visited has many deliver and ask for some minutes, and closes now or then.
func (m *moody) visited() {
	target := smtpTarget("hop.example:25")
	target.Protocol = m.protocol
	r := New(Options{
		Hostname: "us.example", Targets: map[string]Target{"": target}, DialContext: m.dial,
		ConnectionsMax: m.openMax, MessagesPerConnectionMax: m.messagesPerMax,
	})
	var group sync.WaitGroup
	for caller := range 10 {
		group.Go(func() {
			for n := range 5 {
				m.deliver(r, fmt.Sprintf("%d-%d", caller, n))
				m.pause(20)
			}
		})
		group.Go(func() {
			for range 5 {
				m.verify(r)
				m.pause(60)
			}
		})
	}
	if m.below(2) == 0 {
		group.Wait()
	}
	m.pause(100)
	if r.Close(); m.open > 0 {
		m.Errorf("%d connections are open after Close", m.open)
	}
	group.Wait()
}

// patience is a context that may end soon.
func (m *moody) patience() (context.Context, context.CancelFunc) {
	if m.below(2) == 0 {
		return context.WithCancel(m.Context())
	}
	return context.WithTimeout(m.Context(), time.Duration(m.below(120_000))*time.Millisecond)
}

func (m *moody) verify(r *Relay) {
	ctx, cancel := m.patience()
	defer cancel()
	if status := r.Verify(ctx, "", "gone@example.com"); status.Class() == gateway.Success {
		m.Errorf("%v", status)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Now().After(deadline) {
		m.Errorf("a callout that was given up took %v more", time.Since(deadline))
	}
}

func (m *moody) deliver(r *Relay, name string) {
	ctx, cancel := m.patience()
	defer cancel()
	var all []*tried
	var settling sync.WaitGroup
	left := 1 + m.below(12)
	r.Deliver(ctx, "", func() (*gateway.Shipment, int) {
		if left--; left < 0 {
			return nil, 0
		}
		one := m.try(fmt.Sprintf("%s-%d", name, left), &settling)
		all = append(all, one)
		return one.shipment(), left
	})
	settling.Wait()
	for _, one := range all {
		one.judge()
	}
}

// tried is one shipment and what became of it.
type tried struct {
	*moody
	name     string
	delivery *gateway.Delivery
	statuses []*gateway.Status
	settling *sync.WaitGroup
}

func (m *moody) try(name string, settling *sync.WaitGroup) *tried {
	d := &gateway.Delivery{ReversePath: "list-bounces@us.example"}
	for _, local := range []string{"anne", "bart", "gone", "cris"}[:1+m.below(4)] {
		d.Recipients = append(d.Recipients, gateway.Recipient{Path: gateway.ForwardPath(local + "@example.com")})
	}
	if m.below(4) == 0 {
		d.XVERP = "+="
	}
	return &tried{m, name, d, make([]*gateway.Status, len(d.Recipients)), settling}
}

func (o *tried) shipment() *gateway.Shipment {
	return &gateway.Shipment{
		Delivery: o.delivery,
		Content:  func() (gateway.Content, error) { return gateway.Bytes(o.name + ": x\r\n\r\n.\r\n"), nil },
		Settle:   o.settle,
	}
}

func (o *tried) settle(statuses []*gateway.Status, settled func()) {
	for i, status := range statuses {
		if status != nil && o.statuses[i] != nil {
			o.Errorf("%s: recipient %d has %v and %v", o.name, i, o.statuses[i], status)
		}
		if status != nil {
			o.statuses[i] = status
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	v := o.begun[o.name]
	delete(o.begun, o.name)
	o.settling.Go(func() {
		o.pause(1)
		o.leave(v)
		settled()
	})
}

// leave counts a message of v that is settled.
func (m *moody) leave(v *visit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v != nil {
		v.unsettled--
	}
}

func (o *tried) judge() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, status := range o.statuses {
		path := o.delivery.Recipients[i].Path
		gone := path == "gone@example.com"
		switch {
		case status == nil:
			o.Errorf("%s: %s has no status", o.name, path)
		case status.Class() == gateway.Success && !o.taken[o.name+" <"+string(path)+">"], status.Class() == gateway.Permanent && !gone:
			o.Errorf("%s: %s has %v", o.name, path, status)
		}
	}
}
