package sim

import (
	"context"

	"github.com/mmgw/mmgw/gateway"
)

// recorder is a spool whose changes the ledger is told of.
type recorder struct {
	gateway.Spool
	w *world
}

// Accept tells the ledger what was confirmed, and what is in doubt.
func (r *recorder) Accept(ctx context.Context, m *gateway.Message) (duplicates []int, err error) {
	duplicates, err = r.w.fault.accept(ctx, r.Spool, m)
	r.w.tell("accept %s: %d legs, duplicates %v, %v", m.ID, len(m.Legs), duplicates, err)
	r.w.ledger.accepted(m, duplicates, err)
	return duplicates, err
}

// Commit tells the ledger what was confirmed, and what is in doubt.
func (r *recorder) Commit(ctx context.Context, t gateway.Transition) error {
	for _, o := range t.Outcomes {
		key := gateway.BatchKey{Message: t.Message, Leg: t.Leg, Number: o.Batch}
		if b, err := r.Spool.Batch(key); err == nil {
			r.w.ledger.know(b)
		}
	}
	err := r.w.fault.commit(ctx, r.Spool, t)
	r.w.tell("commit %s leg %d: state %v, %d batches, %d outcomes, %v", t.Message, t.Leg, t.State != nil, len(t.Batches), len(t.Outcomes), err)
	r.w.ledger.committed(t, err)
	return err
}
