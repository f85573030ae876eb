package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// outcomes are what one transaction brought.
type outcomes struct {
	delivery int               // in the batch
	all      []gateway.Outcome // of its recipients
	tried    []int             // those of this transaction
	attempts []Attempt         // parallel to tried
}

// settle books the recipients that are given up, reports what is to be reported,
// and makes the outcomes durable. A crash in between does that twice, never not
// at all.
func (r *batchRun) settle(ctx context.Context, o outcomes) error {
	for i := range o.attempts {
		r.observe(ctx, &o.attempts[i])
	}
	if err := r.giveUp(ctx, o); err != nil {
		return err
	}
	if err := r.relayed(ctx, o); err != nil {
		return err
	}
	r.b.Deliveries[o.delivery].Outcomes = o.all
	return r.gather(ctx, o)
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

func (r *batchRun) giveUp(ctx context.Context, o outcomes) error {
	d := &r.b.Deliveries[o.delivery]
	f := Fate{Message: r.m, Leg: r.leg, ReversePath: d.ReversePath}
	for _, j := range o.tried {
		if outcome := o.all[j]; outcome.Settled && outcome.Status.Class() != gateway.Success {
			f.add(d.Recipients[j], outcome.Status)
		}
	}
	if len(f.Recipients) == 0 || r.Failed == nil {
		return nil
	}
	return r.Failed(ctx, f)
}

// legID names one leg of a message.
type legID struct {
	message gateway.QueueID
	leg     int
}

// ledger is where the batches of one leg that are in hand settle. They go the
// way of all, held or dropped, together.
type ledger struct {
	runs int // that use it, guarded by Deliverer.mu

	mu        sync.Mutex
	gathering *settlement // that may take more outcomes
	syncing   *settlement // the one before
}

// openLedger returns the ledger of a leg; close is called after the last outcome.
func (d *Deliverer) openLedger(key legID) (l *ledger, close func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ledgers == nil {
		d.ledgers = map[legID]*ledger{}
	}
	l = d.ledgers[key]
	if l == nil {
		l = &ledger{}
		d.ledgers[key] = l
	}
	l.runs++
	return l, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if l.runs--; l.runs == 0 {
			delete(d.ledgers, key)
		}
	}
}

// settlement is outcomes of several transactions that become durable by one
// commit: those that came while the one before was written.
type settlement struct {
	before   *settlement
	outcomes []gateway.LegOutcome
	attempts []Attempt
	done     chan struct{}
	err      error // once done
}

// add puts outcomes into the settlement that is being gathered. The first to
// come commits for all.
func (l *ledger) add(outcome gateway.LegOutcome, attempts []Attempt) (s *settlement, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if first = l.gathering == nil; first {
		l.gathering = &settlement{before: l.syncing, done: make(chan struct{})}
	}
	s = l.gathering
	s.outcomes = append(s.outcomes, outcome)
	s.attempts = append(s.attempts, attempts...)
	return s, first
}

// close waits for the settlement before s, and lets s take no more.
func (l *ledger) close(s *settlement) {
	if s.before != nil {
		<-s.before.done
		s.before = nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gathering, l.syncing = nil, s
}

// gather makes outcomes durable together with those that come meanwhile.
func (r *batchRun) gather(ctx context.Context, o outcomes) error {
	s, first := r.ledger.add(gateway.LegOutcome{Batch: r.b.Number, Delivery: o.delivery, Outcomes: o.all}, o.attempts)
	if !first {
		<-s.done
		return s.err
	}
	defer close(s.done)
	r.ledger.close(s)
	if r.Attempted != nil {
		r.Attempted(s.attempts)
	}
	s.err = r.insist(ctx, gateway.Transition{Message: r.m.ID, Leg: r.b.Leg, Outcomes: s.outcomes})
	return s.err
}

// commitInterval is how often a commit that the disk did not take is tried
// again: soon after there is room, and often enough while an engine reopens.
const commitInterval = time.Second

// insist commits what remote hosts answered, and tries again for as long as the
// disk is full or fails: an outcome that is given up is a copy sent twice. Who
// waits here begins no other delivery, which is as well.
func (r *batchRun) insist(ctx context.Context, t gateway.Transition) error {
	for {
		err := r.Spool.Commit(ctx, t)
		var fault *gateway.Status
		if !errors.As(err, &fault) || ctx.Err() != nil {
			return err
		}
		logger(r.Log).Warn("an outcome waits for the disk", messageAttrs(r.m), "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(commitInterval):
		}
	}
}
