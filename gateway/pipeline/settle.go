package pipeline

import (
	"context"
	"errors"
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
// and has the outcomes made durable; then, or when that failed, settled is called.
// A crash in between does that twice, never not at all.
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
	if r.ends(o) {
		r.last = &tail{o.attempts, settled}
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

// ends enters the outcomes of one delivery, and says whether they leave nothing to
// do in the batch: such become durable with its end, by one commit.
func (r *batchRun) ends(o outcomes) bool {
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

// giveUp books or reports the recipients that are given up. Those for which that
// fails are not given up yet: they are tried again, and nobody else is for that.
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

// spooled is gateway.ErrNotSpooled once the message was dropped or given up by
// those who run the gateway: of what was under way then nobody is told, or told
// twice. Other errors are for the commit to find.
func (r *batchRun) spooled() error {
	if _, err := r.Spool.Load(r.m.ID); errors.Is(err, gateway.ErrNotSpooled) {
		return err
	}
	return nil
}

// commitInterval is how often a change that the disk did not take is tried
// again: soon after there is room, and often enough while an engine reopens.
const commitInterval = time.Second

// commit makes what remote hosts answered durable.
func (d *Deliverer) commit(ctx context.Context, m *gateway.Message, t gateway.Transition) error {
	return d.insist(ctx, m, func() error { return d.Spool.Commit(ctx, t) })
}

// insist does what has to be done for an outcome to be kept, and tries again for
// as long as the disk is full or fails: one that is given up is a copy sent
// twice. Who waits here begins no other delivery, which is as well.
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
