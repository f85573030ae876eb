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

// legID names one leg of a message.
type legID struct {
	message gateway.QueueID
	leg     int
}

// ledger is where the batches of one leg that are in hand settle. They go the
// way of all, held or dropped, together.
type ledger struct {
	runs   int // that use it, guarded by Deliverer.mu
	commit func(settlement) error

	mu       sync.Mutex
	gathered settlement // for the next commit
	writing  bool       // one is under way
}

// openLedger returns the ledger of a leg; close is called after the last outcome.
func (d *Deliverer) openLedger(ctx context.Context, m *gateway.Message, leg int) (l *ledger, close func()) {
	key := legID{m.ID, leg}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ledgers == nil {
		d.ledgers = map[legID]*ledger{}
	}
	l = d.ledgers[key]
	if l == nil {
		l = &ledger{commit: func(s settlement) error {
			if d.Attempted != nil {
				d.Attempted(s.attempts)
			}
			return d.commit(ctx, m, gateway.Transition{Message: m.ID, Leg: leg, Outcomes: s.outcomes})
		}}
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
	outcomes []gateway.LegOutcome
	attempts []Attempt
	done     []func(error)
}

// add has an outcome made durable, together with those that come meanwhile, and
// done hear of it. It does not wait for that.
func (l *ledger) add(outcome gateway.LegOutcome, attempts []Attempt, done func(error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.gathered
	s.outcomes = append(s.outcomes, outcome)
	s.attempts = append(s.attempts, attempts...)
	s.done = append(s.done, done)
	if !l.writing {
		l.writing = true
		go l.write()
	}
}

// write makes what is gathered durable until nothing is.
func (l *ledger) write() {
	for s, ok := l.take(); ok; s, ok = l.take() {
		err := l.commit(s)
		for _, done := range s.done {
			done(err)
		}
	}
}

func (l *ledger) take() (s settlement, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, l.gathered = l.gathered, settlement{}
	l.writing = len(s.done) > 0
	return s, l.writing
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
		var fault *gateway.Status
		if !errors.As(err, &fault) || ctx.Err() != nil {
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
