package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// Commit implements gateway.Spool. A leg that is held stays held until
// Release; a state that comes meanwhile is the one that it is released to. A
// step of a message or a batch that is not there is gateway.ErrNotSpooled. A
// batch whose last outcome came by Outcomes stays until it comes in Batches.
func (s *Spool) Commit(ctx context.Context, t gateway.Transition) error {
	if err := ctx.Err(); err != nil {
		return gateway.Deferred(err)
	}
	locked := t.State != nil || len(t.Batches) > 0 // others change nothing that is read here
	if locked {
		defer s.locks.Lock(t.Message)()
	}
	var b store.Batch
	finished, err := s.transition(&b, &t)
	if err == nil {
		err = s.db.Commit(&b)
	}
	if err == nil && !locked {
		err = s.takeBack(&t)
	}
	if err != nil {
		return fmt.Errorf("commit to leg %d of %s: %w", t.Leg, t.Message, err)
	}
	if finished {
		s.sweep(t.Message)
	}
	return nil
}

// transition adds the changes of t to b, and says whether it may have finished
// the message.
func (s *Spool) transition(b *store.Batch, t *gateway.Transition) (finished bool, err error) {
	if t.State != nil {
		if err := s.putState(b, t); err != nil {
			return false, err
		}
		finished = t.State.Stage == gateway.StageDone || t.State.Stage == gateway.StageExpanded
	} else if len(t.Batches) > 0 {
		if _, err := s.legState(t.Message, t.Leg); err != nil {
			return false, err
		}
	}
	for _, batch := range t.Batches {
		if !batch.Pending() {
			finished = true
			dropBatch(b, batch.Key(), len(batch.Deliveries))
		} else if err := s.putBatch(b, batch); err != nil {
			return false, err
		}
	}
	return finished, s.putOutcomes(b, t)
}

func (s *Spool) putState(b *store.Batch, t *gateway.Transition) error {
	old, err := s.legState(t.Message, t.Leg)
	if err != nil {
		return err
	}
	state := newLegState(t.State)
	state.priority, state.due = old.priority, old.due
	switch {
	case old.stage == gateway.StageHeld && state.stage == gateway.StageHeld:
		state.resume = old.resume
	case old.stage == gateway.StageHeld:
		state.stage, state.resume, state.reason = gateway.StageHeld, state.stage, old.reason
	case state.stage == gateway.StageHeld:
		state.resume = old.stage
	}
	b.Set(legIndexKey(t.Message, t.Leg), encodeLegState(state))
	return s.putIfChanged(b, legKey(t.Message, t.Leg), encodeLeg(t.State))
}

func newLegState(l *gateway.Leg) *legState {
	return &legState{stage: l.Stage, list: l.List, reason: l.Reason, cursor: l.Cursor, batches: l.Batches}
}

func (l *legState) apply(leg *gateway.Leg) {
	leg.Stage, leg.Reason, leg.Cursor, leg.Batches = l.stage, l.reason, l.cursor, l.batches
	leg.Released = l.stage != gateway.StageHeld && l.resume == gateway.StageHeld
}

// putIfChanged saves the writing of records that stay as they are: a leg has
// all its edits, and takes a step for each thousand members.
func (s *Spool) putIfChanged(b *store.Batch, key, record []byte) error {
	old, err := s.db.Get(key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err != nil || !bytes.Equal(old, record) {
		b.Set(key, record)
	}
	return nil
}

// putBatch adds a new batch, or the new state of one.
func (s *Spool) putBatch(b *store.Batch, batch *gateway.Batch) error {
	key := batch.Key()
	state := &batchState{
		priority: batch.Priority, attempt: batch.Attempt, due: batch.Due, expires: batch.Expires,
		route: batch.Route(), recipients: batch.Size(),
	}
	_, err := s.db.Get(indexKey(key))
	switch {
	case errors.Is(err, store.ErrNotFound):
		b.Set(planKey(key), encodePlan(batch))
	case err != nil:
		return err
	}
	b.Set(indexKey(key), encodeBatchState(state))
	return s.putBatchOutcomes(b, batch)
}

func (s *Spool) putBatchOutcomes(b *store.Batch, batch *gateway.Batch) error {
	for i := range batch.Deliveries {
		if outcomes := batch.Deliveries[i].Outcomes; outcomes != nil {
			if err := s.putIfChanged(b, outcomeKey(batch.Key(), i), encodeOutcomes(outcomes)); err != nil {
				return err
			}
		}
	}
	return nil
}

// singleDeletesMax is up to how many keys go one by one: a range that is
// deleted costs every later reader a little.
const singleDeletesMax = 64

func dropBatch(b *store.Batch, key gateway.BatchKey, deliveries int) {
	b.Delete(indexKey(key))
	b.Delete(planKey(key))
	if deliveries > singleDeletesMax {
		b.DeletePrefix(outcomesPrefix(key))
		return
	}
	for i := range deliveries {
		b.Delete(outcomeKey(key, i))
	}
}

// putOutcomes adds outcomes of deliveries. It reads no more than whether the
// batches are there, so that connections that deliver the same message share syncs.
func (s *Spool) putOutcomes(b *store.Batch, t *gateway.Transition) error {
	if err := s.lookUpBatches(t); err != nil {
		return err
	}
	for _, o := range t.Outcomes {
		b.Set(outcomeKey(batchOf(t, o), o.Delivery), encodeOutcomes(o.Outcomes))
	}
	return nil
}

// takeBack removes outcomes whose message or batch was dropped while they were
// written.
func (s *Spool) takeBack(t *gateway.Transition) error {
	gone := s.lookUpBatches(t)
	if !errors.Is(gone, gateway.ErrNotSpooled) {
		return nil
	}
	var b store.Batch
	for _, o := range t.Outcomes {
		if _, err := s.lookUp(indexKey(batchOf(t, o))); errors.Is(err, gateway.ErrNotSpooled) {
			b.Delete(outcomeKey(batchOf(t, o), o.Delivery))
		}
	}
	return errors.Join(gone, s.db.CommitLater(&b))
}

// lookUpBatches fails unless all batches are there that t has outcomes of: as many
// as there are hands for them.
func (s *Spool) lookUpBatches(t *gateway.Transition) error {
	var there []int
	for _, o := range t.Outcomes {
		if slices.Contains(there, o.Batch) {
			continue
		}
		if _, err := s.lookUp(indexKey(batchOf(t, o))); err != nil {
			return err
		}
		there = append(there, o.Batch)
	}
	return nil
}

// batchOf is the batch that an outcome of t is of.
func batchOf(t *gateway.Transition, o gateway.LegOutcome) gateway.BatchKey {
	return gateway.BatchKey{Message: t.Message, Leg: t.Leg, Number: o.Batch}
}

// sweep removes a message of which nothing is left to do. The caller has its
// lock. The removal waits for no sync: after a crash Entries sweeps again.
func (s *Spool) sweep(id gateway.QueueID) {
	if err := s.remove(id, alive, s.db.CommitLater); err != nil {
		s.log.Warn("spool: a finished message stays until the next start", "id", id, "error", err)
	}
}

// alive says whether an index record stands for something to do, now or once it is
// released, or cannot be read. Of a leg in batches these do.
func alive(item store.Item) bool {
	key, ok := parseIndexKey(item.Key)
	if !ok || key.Number != gateway.ExpandLeg {
		return true
	}
	state, err := decodeLegState(item.Value)
	if err != nil {
		return true
	}
	stage := state.stage
	if stage == gateway.StageHeld {
		stage = state.resume
	}
	return stage != gateway.StageExpanded && stage != gateway.StageDone
}

// remove takes a message out of the spool, its content last, unless an index
// record keeps it; with nil none does.
func (s *Spool) remove(id gateway.QueueID, keeps func(store.Item) bool, commit func(*store.Batch) error) error {
	var b store.Batch
	kept, err := s.removePrefix(&b, indexPrefix(id), keeps)
	if kept || err != nil {
		return err
	}
	inFile, err := s.isInFile(id)
	if err != nil {
		return err
	}
	if keeps == nil {
		b.DeletePrefix(messagePrefix(id)) // outcomes may be on their way into it
	} else if _, err := s.removePrefix(&b, messagePrefix(id), nil); err != nil {
		return err
	}
	if err := commit(&b); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.verified, id)
	s.mu.Unlock()
	if inFile {
		s.removeContentFile(id)
	}
	return nil
}

// isInFile says whether the content of a message may be a file.
func (s *Spool) isInFile(id gateway.QueueID) (bool, error) {
	record, err := s.db.Get(headKey(id))
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	h, err := decodeHead(id, record)
	return err != nil || h.inFile, nil
}

// removePrefix adds the removal of all records with a prefix to b, unless one of
// them keeps them; with nil none does.
func (s *Spool) removePrefix(b *store.Batch, prefix []byte, keeps func(store.Item) bool) (kept bool, err error) {
	n := 0
	for item, err := range s.db.Prefix(prefix, nil) {
		if err != nil {
			return false, err
		}
		if keeps != nil && keeps(item) {
			return true, nil
		}
		if n++; n <= singleDeletesMax {
			b.Delete(bytes.Clone(item.Key))
		} else if keeps == nil {
			break
		}
	}
	if n > singleDeletesMax {
		b.DeletePrefix(prefix)
	}
	return false, nil
}
