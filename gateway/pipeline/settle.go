package pipeline

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// outcomes are what one transaction brought.
type outcomes struct {
	delivery int               // in the batch
	all      []gateway.Outcome // of its recipients
	tried    []int             // places in all that this transaction has a word about
	attempts []Attempt         // parallel to tried
}

// lastOutcome is the one that leaves nothing to do in a batch. It becomes durable with
// the end of the batch, by one commit instead of two.
type lastOutcome struct {
	attempts []Attempt
	settled  func()
}

// outcomes are those of the recipients at some places of delivery i: of those that have
// a status.
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

// settle reports the recipients that are given up, and what else is to be reported, and
// has the outcomes made durable. settled is called once they are, or when that failed.
// After a crash in between a report is made twice, rather than never.
func (r *batchRun) settle(ctx context.Context, o outcomes, settled func()) {
	for i := range o.attempts {
		r.observe(ctx, &o.attempts[i])
	}
	err := r.giveUp(ctx, o)
	if err == nil {
		err = r.insist(ctx, r.m, func() error { return r.relayed(ctx, o) })
	}
	if err != nil {
		r.fail(err)
		settled()
		return
	}
	if r.enter(o) {
		r.last = &lastOutcome{o.attempts, settled}
		return
	}
	r.settling.Add(1)
	one := gateway.LegOutcome{Batch: r.b.Number, Delivery: o.delivery, Outcomes: o.all}
	r.ledger.add(one, o.attempts, func(err error) {
		if err != nil {
			r.fail(err)
		}
		settled()
		r.settling.Done()
	})
}

// enter writes outcomes into the batch. last says that they leave nothing to do.
func (r *batchRun) enter(o outcomes) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := &r.b.Deliveries[o.delivery]
	if d.Outcomes = o.all; !d.Pending() {
		r.pending--
	}
	return r.pending == 0
}

func (r *batchRun) observe(ctx context.Context, a *Attempt) {
	if r.Results == nil {
		return
	}
	_, err := r.Results.Handle(ctx, &gateway.Exchange{
		Phase: gateway.PhaseResult, Message: r.m, Leg: r.leg, Recipients: []gateway.Recipient{a.Recipient},
		Result: &gateway.Result{Recipient: a.Recipient, Status: a.Outcome.Status, Attempt: a.Number},
	})
	if err != nil {
		logger(r.Log).Warn("handler failed on a result", messageAttrs(r.m), "error", err)
	}
}

// giveUp books or reports the recipients that are given up. If that fails they are not
// given up yet, but tried again, and only they.
func (r *batchRun) giveUp(ctx context.Context, o outcomes) error {
	d := &r.b.Deliveries[o.delivery]
	f := Fate{Message: r.m, Leg: r.leg, ReversePath: d.ReversePath}
	var places []int // in o.tried
	for k, j := range o.tried {
		if outcome := o.all[j]; outcome.Settled && outcome.Status.Class() != gateway.Success {
			f.add(d.Recipients[j], outcome.Status)
			places = append(places, k)
		}
	}
	if len(f.Recipients) == 0 || r.Failed == nil {
		return nil
	}
	if err := r.spooled(); err != nil {
		return err
	}
	if err := r.Failed(ctx, f); err != nil {
		logger(r.Log).Error("not given up, as that can be told to nobody", messageAttrs(r.m), "recipients", len(places), "error", err)
		for _, k := range places {
			o.all[o.tried[k]].Settled, o.attempts[k].Outcome.Settled = false, false
		}
	}
	return nil
}

// spooled is gateway.ErrNotSpooled if an operator has dropped the message or given it
// up: nobody is told about transactions that were in progress then, or told twice.
// Other errors are left to the commit.
func (r *batchRun) spooled() error {
	if _, err := r.Spool.Load(r.m.ID); errors.Is(err, gateway.ErrNotSpooled) {
		return err
	}
	return nil
}

// fail notes a fault of ours. The batch is tried again for it.
func (r *batchRun) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

// finish commits when the batch is due again, or that it is done. With left set, the
// entry is the one by which the batch waits.
func (r *batchRun) finish(ctx context.Context, list gateway.ListID) (entry gateway.Entry, left bool, err error) {
	left = r.b.Pending()
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
	err = r.commit(ctx, r.m, gateway.Transition{Message: r.m.ID, Leg: r.b.Leg, Batches: []*gateway.Batch{r.b}})
	return batchEntry(r.b, list), left, err
}

// settleLast ends the waiting for the last outcome. It is durable now, or failed to be.
func (r *batchRun) settleLast() {
	if r.last != nil {
		r.last.settled()
	}
}

// commitInterval is how often a change that the disk did not take is tried
// again: soon after there is room, and often enough while an engine reopens.
const commitInterval = time.Second

// commit makes what remote hosts answered durable.
func (d *Deliverer) commit(ctx context.Context, m *gateway.Message, t gateway.Transition) error {
	return d.insist(ctx, m, func() error { return d.Spool.Commit(ctx, t) })
}

// insist repeats f for as long as the disk is full or fails: an outcome that is not
// kept is a copy sent twice. Whoever waits here begins no other delivery, which is as
// well.
func (d *Deliverer) insist(ctx context.Context, m *gateway.Message, f func() error) error {
	for waits := false; ; waits = true {
		err := f()
		if _, fault := errors.AsType[*gateway.Status](err); !fault || ctx.Err() != nil {
			return err
		}
		if !waits {
			logger(d.Log).Warn("an outcome waits for the disk", messageAttrs(m), "error", err)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(commitInterval):
		}
	}
}
