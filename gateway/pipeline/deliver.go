package pipeline

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
	"github.com/mmgw/mmgw/gateway/queue"
)

// Deliverer sends batches and commits what the remote hosts answered.
type Deliverer struct {
	Spool     gateway.Spool
	Transport gateway.Transport
	Retry     queue.Policy
	Results   gateway.Handler                            // hears of each answer; nil: nobody does
	Failed    func(ctx context.Context, f Failure) error // books or reports recipients that are given up, before that is committed
	Attempted func(Attempt)                              // hears of each recipient's attempt, from many goroutines
	Signer    *authres.Signer                            // signs copies as they leave; nil: nobody does
	Workers   int                                        // transactions of one batch at a time
	Log       *slog.Logger

	bodies memo[bodyKey, []byte] // hashes of bodies: each is read for that once
}

// Failure is recipients of one delivery that are given up.
type Failure struct {
	Message     *gateway.Message
	Leg         *gateway.Leg
	ReversePath gateway.ReversePath // of the delivery
	Recipients  []gateway.Recipient
	Statuses    []*gateway.Status // parallel to Recipients
}

// Attempt is one attempt for one recipient, as the delivery log tells it.
type Attempt struct {
	Message   *gateway.Message
	Leg       *gateway.Leg
	Delivery  *gateway.Delivery
	Recipient gateway.Recipient
	Outcome   gateway.Outcome
	Number    int // counted from 1
	Took      time.Duration
}

// Deliver tries every pending delivery of a batch once. It returns the entry
// by which what is left waits for its next attempt; ok is false when nothing
// is left. When stop closes, deliveries that have not begun stay for later,
// and the attempt does not count.
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
	if run.draft, err = gateway.OpenDraft(m.Content, run.leg.Edits...); err != nil {
		return entry, false, err
	}
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
	draft *gateway.Draft // as the leg's edits left it

	mu      sync.Mutex
	err     error
	skipped bool

	signatures memo[[sha256.Size]byte, []gateway.Field] // of the batch's copies, by what they cover
}

// all tries the pending deliveries, Workers at a time, and returns the first
// fault of ours.
func (r *batchRun) all(ctx context.Context, stop <-chan struct{}) error {
	pending := make(chan int)
	var workers sync.WaitGroup
	for range max(r.Workers, 1) {
		workers.Go(func() {
			for i := range pending {
				if err := r.deliver(ctx, i); err != nil {
					r.fail(err)
				}
			}
		})
	}
	for i := range r.b.Deliveries {
		if !r.b.Deliveries[i].Pending() {
			continue
		}
		select {
		case pending <- i:
		case <-stop:
			r.skipped = true
		}
	}
	close(pending)
	workers.Wait()
	return r.err
}

func (r *batchRun) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

// deliver tries one delivery and commits its outcomes.
func (r *batchRun) deliver(ctx context.Context, i int) error {
	d := &r.b.Deliveries[i]
	attempt, at := *d, []int{}
	attempt.Recipients = nil
	for j, recipient := range d.Recipients {
		if j >= len(d.Outcomes) || !d.Outcomes[j].Settled {
			attempt.Recipients, at = append(attempt.Recipients, recipient), append(at, j)
		}
	}
	content, err := r.content(d)
	if err != nil {
		return err
	}
	begun := time.Now()
	statuses := r.Transport.Deliver(ctx, &attempt, content)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	took := time.Since(begun)
	outcomes := slices.Grow(slices.Clone(d.Outcomes), len(d.Recipients))[:len(d.Recipients)]
	for k, outcome := range r.Retry.Settle(statuses, time.Now(), r.b.Expires) {
		outcomes[at[k]] = outcome
		r.observe(ctx, Attempt{r.m, r.leg, d, attempt.Recipients[k], outcome, r.b.Attempt + 1, took})
	}
	return r.commit(ctx, i, outcomes, at)
}

// content is the copy of one delivery: the leg's message with the edits of the
// batch, filled in for this copy, and its own, and then signed.
func (r *batchRun) content(d *gateway.Delivery) (gateway.Content, error) {
	draft := r.draft.Clone()
	c := gateway.Copy{Member: d.Recipients[0], VERP: d.ReversePath}
	if err := draft.Apply(c.FillEdits(r.b.Edits)...); err != nil {
		return nil, err
	}
	if err := draft.Apply(d.Edits...); err != nil {
		return nil, err
	}
	if r.Signer != nil {
		ownBody := slices.ContainsFunc(slices.Concat(r.b.Edits, d.Edits), func(e gateway.Edit) bool { return e.Op == gateway.ReplaceBody })
		if err := r.signed(d, draft, ownBody); err != nil {
			return nil, err
		}
	}
	return draft.Content(), nil
}

func (r *batchRun) observe(ctx context.Context, a Attempt) {
	if r.Attempted != nil {
		r.Attempted(a)
	}
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

// commit books the recipients that are given up and makes the outcomes
// durable. A crash in between books them twice, never not at all.
func (r *batchRun) commit(ctx context.Context, i int, outcomes []gateway.Outcome, tried []int) error {
	f := Failure{Message: r.m, Leg: r.leg, ReversePath: r.b.Deliveries[i].ReversePath}
	for _, j := range tried {
		if o := outcomes[j]; o.Settled && o.Status.Class() != gateway.Success {
			f.Recipients = append(f.Recipients, r.b.Deliveries[i].Recipients[j])
			f.Statuses = append(f.Statuses, o.Status)
		}
	}
	if len(f.Recipients) > 0 && r.Failed != nil {
		if err := r.Failed(ctx, f); err != nil {
			return err
		}
	}
	r.b.Deliveries[i].Outcomes = outcomes
	return r.insist(ctx, gateway.Transition{
		Message: r.m.ID, Leg: r.b.Leg, Outcomes: []gateway.LegOutcome{{Batch: r.b.Number, Delivery: i, Outcomes: outcomes}},
	})
}

// finish commits when the batch is due again, or that it is done.
func (r *batchRun) finish(ctx context.Context, list gateway.ListID) (gateway.Entry, bool, error) {
	left := slices.ContainsFunc(r.b.Deliveries, func(d gateway.Delivery) bool { return d.Pending() })
	if left && r.skipped {
		return EntryOf(r.b, list), true, nil
	}
	if left {
		r.b.Attempt++
		r.b.Due = r.Retry.Next(r.b.Attempt, time.Now(), r.b.Expires)
	}
	err := r.insist(ctx, gateway.Transition{Message: r.m.ID, Leg: r.b.Leg, Batches: []*gateway.Batch{r.b}})
	return EntryOf(r.b, list), left, err
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
