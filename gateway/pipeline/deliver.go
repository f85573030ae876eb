package pipeline

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"
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
	Expiry      time.Duration                                    // the longest time that a batch is tried for, behind a clock that was ahead too; 0: what it says itself
	Results     gateway.Handler                                  // hears of each answer; nil: nobody does
	Failed      func(ctx context.Context, f Fate) error          // books or reports recipients that are given up, before that is committed
	Reports     *Reports                                         // tells of delays and of what was relayed, before that is committed; nil: nobody does
	DSN         func(ctx context.Context, route string) bool     // whether the next hop reports itself (RFC 3461); nil: none does
	Attempted   func([]Attempt)                                  // hears of attempts before their outcomes are committed, from many goroutines
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

// Deliver tries every pending delivery of a batch once. It returns the entry
// by which what is left waits for its next attempt; ok is false when nothing
// is left. When stop closes, deliveries that have not begun stay for later,
// and the attempt does not count. A batch of a leg that is held is ErrHeld.
func (d *Deliverer) Deliver(ctx context.Context, entry gateway.Entry, stop <-chan struct{}) (next gateway.Entry, ok bool, err error) {
	b, err := d.Spool.Batch(gateway.BatchKey{Message: entry.Message, Leg: entry.Leg, Number: entry.Batch})
	if err != nil {
		return entry, false, err
	}
	m, err := d.Spool.Load(entry.Message)
	if err != nil {
		return entry, false, err
	}
	run := batchRun{Deliverer: d, m: m, leg: &m.Legs[b.Leg], b: b}
	if run.leg.Stage == gateway.StageHeld {
		return entry, false, ErrHeld
	}
	if last := time.Now().Add(d.Expiry); d.Expiry > 0 && b.Expires.After(last) {
		b.Expires = last
	}
	run.modules = strings.Join(run.leg.Handlers, " ")
	same := run.leg.Edits
	if at := slices.IndexFunc(same, isTemplate); at >= 0 {
		same, run.own = same[:at], same[at:]
	}
	if run.draft, err = gateway.OpenDraft(m.Content, same...); err != nil {
		return entry, false, err
	}
	run.plain = run.draft.Content()
	ledger, closeLedger := d.openLedger(ctx, m, b.Leg)
	run.ledger = ledger
	defer closeLedger()
	defer run.release()
	if err := run.all(ctx, stop); err != nil {
		return entry, false, err
	}
	return run.finish(ctx, entry.List)
}

// batchRun is one attempt at a batch.
type batchRun struct {
	*Deliverer
	m     *gateway.Message
	leg   *gateway.Leg
	b     *gateway.Batch
	draft *gateway.Draft  // as the leg's edits left it
	own   []gateway.Edit  // of the leg, from the first that differs from copy to copy
	plain gateway.Content // the copy that nothing makes one member's own

	modules string

	signatures memo[[sha256.Size]byte, []gateway.Field] // of the batch's copies, by what they cover

	ledger   *ledger        // where it settles
	settling sync.WaitGroup // outcomes that are not durable

	mu      sync.Mutex
	pending int   // deliveries with recipients that are not settled
	skipped bool  // deliveries did not begin
	err     error // the first fault of ours
	last    *tail // what becomes durable with the end of the batch
}

// tail is the outcome that leaves a batch with nothing to do.
type tail struct {
	attempts []Attempt
	settled  func()
}

// all tries the pending deliveries, those of one route after those of another, of
// which planners make one, and returns the first fault of ours.
func (r *batchRun) all(ctx context.Context, stop <-chan struct{}) error {
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
			if len(pending) > 0 {
				r.skip()
			}
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

// skip notes that deliveries did not begin.
func (r *batchRun) skip() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skipped = true
}

func (r *batchRun) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
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

// outcomes are what one transaction brought the recipients at some places of
// delivery i: those that have a status.
func (r *batchRun) outcomes(i int, places []int, statuses []*gateway.Status, took time.Duration) outcomes {
	d := &r.b.Deliveries[i]
	o := outcomes{delivery: i, all: slices.Grow(slices.Clone(d.Outcomes), len(d.Recipients))[:len(d.Recipients)]}
	for k, outcome := range r.Retry.Settle(statuses, time.Now(), r.b.Expires) {
		if outcome.Status != nil {
			j := places[k]
			o.all[j], o.tried = outcome, append(o.tried, j)
			o.attempts = append(o.attempts, Attempt{r.m, r.leg, r.modules, d, d.Recipients[j], outcome, r.b.Attempt + 1, took})
		}
	}
	return o
}

// content is the copy of one delivery: the leg's message with the edits of the
// batch, filled in for this copy, and its own, and then signed.
func (r *batchRun) content(d *gateway.Delivery) (gateway.Content, error) {
	if len(r.own)+len(r.b.Edits)+len(d.Edits) == 0 && r.Signer == nil {
		return r.plain, nil
	}
	draft := r.draft.Clone()
	c := gateway.Copy{Member: d.Recipients[0], VERP: d.ReversePath}
	if r.Unsubscribe != nil && (slices.ContainsFunc(r.own, isTemplate) || slices.ContainsFunc(r.b.Edits, isTemplate)) {
		c.UnsubscribeURL = r.Unsubscribe(r.leg.List, c.Member.Path)
	}
	for _, edits := range [][]gateway.Edit{c.FillEdits(r.own), c.FillEdits(r.b.Edits), d.Edits} {
		if err := draft.Apply(edits...); err != nil {
			return nil, err
		}
	}
	if r.Signer != nil {
		ownBody := slices.ContainsFunc(slices.Concat(r.b.Edits, d.Edits), func(e gateway.Edit) bool { return e.Op == gateway.ReplaceBody })
		if err := r.signed(d, draft, ownBody); err != nil {
			return nil, err
		}
	}
	return draft.Content(), nil
}

// release ends the waiting for the last outcome.
func (r *batchRun) release() {
	if r.last != nil {
		r.last.settled()
	}
}

// finish commits when the batch is due again, or that it is done.
func (r *batchRun) finish(ctx context.Context, list gateway.ListID) (gateway.Entry, bool, error) {
	left := r.b.Pending()
	if left && r.skipped {
		return batchEntry(r.b, list), true, nil
	}
	if left {
		r.b.Attempt++
		due := r.b.Due
		r.b.Due = r.Retry.Next(r.b.Attempt, time.Now(), r.b.Expires)
		if err := r.delayed(ctx, due, r.b.Due); err != nil {
			return batchEntry(r.b, list), false, err
		}
	}
	if r.last != nil && r.Attempted != nil {
		r.Attempted(r.last.attempts)
	}
	err := r.commit(ctx, r.m, gateway.Transition{Message: r.m.ID, Leg: r.b.Leg, Batches: []*gateway.Batch{r.b}})
	return batchEntry(r.b, list), left, err
}
