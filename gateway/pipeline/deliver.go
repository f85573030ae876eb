package pipeline

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
	"github.com/mmgw/mmgw/gateway/queue"
)

// Deliverer sends batches and commits what the remote hosts answered.
type Deliverer struct {
	Spool       gateway.Spool
	Transport   gateway.Transport
	Retry       queue.Policy
	Expiry      time.Duration                                    // how long a batch is tried at most, even if it was accepted while the clock was ahead; 0: as long as it says
	Results     gateway.Handler                                  // is told of each answer; nil: nobody does
	Failed      func(ctx context.Context, f Fate) error          // books or reports recipients that are given up, before that is committed
	Reports     *Reports                                         // tells of delays and of what was relayed, before that is committed; nil: nobody does
	DSN         func(ctx context.Context, route string) bool     // whether the next hop reports itself (RFC 3461); nil: none does
	Attempted   func([]Attempt)                                  // is told of attempts before their outcomes are committed, from many goroutines
	Unsubscribe func(gateway.ListID, gateway.ForwardPath) string // the link by which a member leaves; nil: there is none
	Signer      *authres.Signer                                  // signs copies as they leave; nil: nobody does
	Log         *slog.Logger

	bodies memo[legID, []byte] // hashes of the bodies of legs: each is read for that once

	mu      sync.Mutex
	ledgers map[legID]*ledger // of the legs in hand
}

// Attempt is one attempt for one recipient, as the delivery log tells it.
type Attempt struct {
	Message   *gateway.Message
	Leg       *gateway.Leg
	Modules   string // of the handlers and the planner, as Leg.Handlers has them
	Delivery  *gateway.Delivery
	Recipient gateway.Recipient
	Outcome   gateway.Outcome
	Number    int // counted from 1
	Took      time.Duration
}

// Deliver tries every pending delivery of a batch once. With left set, next is the
// entry by which the rest waits for another attempt. When stop closes, deliveries that
// have not begun stay for later, and the attempt does not count. A batch of a leg that
// is held is ErrHeld.
func (d *Deliverer) Deliver(ctx context.Context, entry gateway.Entry, stop <-chan struct{}) (next gateway.Entry, left bool, err error) {
	b, err := d.Spool.Batch(gateway.BatchKey{Message: entry.Message, Leg: entry.Leg, Number: entry.Batch})
	if err != nil {
		return entry, false, err
	}
	m, err := d.Spool.Load(entry.Message)
	if err != nil {
		return entry, false, err
	}
	run := batchRun{copies: copies{Deliverer: d, m: m, leg: &m.Legs[b.Leg], b: b}}
	if run.leg.Stage == gateway.StageHeld {
		return entry, false, ErrHeld
	}
	if last := time.Now().Add(d.Expiry); d.Expiry > 0 && b.Expires.After(last) {
		b.Expires = last
	}
	if err := run.open(); err != nil {
		return entry, false, err
	}
	run.modules = strings.Join(run.leg.Handlers, " ")
	ledger, closeLedger := d.openLedger(ctx, m, b.Leg)
	run.ledger = ledger
	defer closeLedger()
	defer run.settleLast()
	if err := run.tryAll(ctx, stop); err != nil {
		return entry, false, err
	}
	return run.finish(ctx, entry.List)
}

// batchRun is one attempt at a batch: its copies go out, and their outcomes are settled
// as they come, by many goroutines.
type batchRun struct {
	copies
	modules string // as Attempt has them

	ledger   *ledger        // makes outcomes durable
	settling sync.WaitGroup // outcomes that the ledger has and that are not durable yet
	skipped  bool           // deliveries did not begin; written by who takes the next one

	mu      sync.Mutex   // guards err, pending and Batch.Deliveries
	err     error        // the first fault of ours
	pending int          // deliveries with recipients that are not settled
	last    *lastOutcome // nil while something is pending
}

// tryAll tries the pending deliveries, one route after the other (planners use one),
// and returns the first fault of ours.
func (r *batchRun) tryAll(ctx context.Context, stop <-chan struct{}) error {
	var routes []string
	pending := map[string][]int{}
	for i := range r.b.Deliveries {
		if d := &r.b.Deliveries[i]; d.Pending() {
			r.pending++
			if pending[d.Route] == nil {
				routes = append(routes, d.Route)
			}
			pending[d.Route] = append(pending[d.Route], i)
		}
	}
	for _, route := range routes {
		r.Transport.Deliver(ctx, route, r.shipments(ctx, pending[route], stop))
	}
	r.settling.Wait()
	return r.err
}

// shipments hands out the deliveries at some places, until stop closes.
func (r *batchRun) shipments(ctx context.Context, pending []int, stop <-chan struct{}) func() (*gateway.Shipment, int) {
	return func() (*gateway.Shipment, int) {
		select {
		case <-stop:
			r.skipped = r.skipped || len(pending) > 0
			pending = nil
		default:
		}
		if len(pending) == 0 {
			return nil, 0
		}
		i := pending[0]
		pending = pending[1:]
		return r.shipment(ctx, i), len(pending)
	}
}

// shipment is delivery i for the recipients that are not settled.
func (r *batchRun) shipment(ctx context.Context, i int) *gateway.Shipment {
	d := &r.b.Deliveries[i]
	places := d.Unsettled()
	begun := time.Now()
	return &gateway.Shipment{
		Delivery: d.Only(places),
		Content: func() (gateway.Content, error) {
			content, err := r.content(d)
			if err != nil {
				r.fail(err)
			}
			return content, err
		},
		Settle: func(statuses []*gateway.Status, settled func()) {
			if ctx.Err() != nil {
				r.fail(ctx.Err())
				settled()
				return
			}
			r.settle(ctx, r.outcomes(i, places, statuses, time.Since(begun)), settled)
		},
	}
}
