package spool

import (
	"bytes"
	"fmt"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// Hold keeps every leg of a message that is not done from going on, until
// Release. The caller takes its entries out of the queue.
func (s *Spool) Hold(id gateway.QueueID, reason string) error {
	return s.changeLegs(id, "hold", func(_ int, state *legState) bool {
		if state.stage == gateway.StageHeld || state.stage == gateway.StageDone {
			return false
		}
		state.stage, state.resume, state.reason = gateway.StageHeld, state.stage, reason
		return true
	})
}

// Release lets every held leg of a message go on where it was held, and
// returns what is to be done: due at now where a leg has yet to be expanded,
// else when its batches were due.
func (s *Spool) Release(id gateway.QueueID, now time.Time) ([]gateway.Entry, error) {
	return s.release(id, now, func(int) bool { return true })
}

// ReleaseLeg is Release for one leg of a message. One that is not held is left
// alone.
func (s *Spool) ReleaseLeg(id gateway.QueueID, leg int, now time.Time) ([]gateway.Entry, error) {
	return s.release(id, now, func(i int) bool { return i == leg })
}

func (s *Spool) release(id gateway.QueueID, now time.Time, meant func(leg int) bool) ([]gateway.Entry, error) {
	err := s.changeLegs(id, "release", func(leg int, state *legState) bool {
		if state.stage != gateway.StageHeld || !meant(leg) {
			return false
		}
		state.stage, state.resume, state.reason, state.due = state.resume, gateway.StageHeld, "", now
		return true
	})
	if err != nil {
		return nil, err
	}
	var w walk
	var entries []gateway.Entry
	for item, err := range s.db.Prefix(indexPrefix(id), nil) {
		if err != nil {
			return nil, fmt.Errorf("release %s: %w", id, err)
		}
		key, _ := parseIndexKey(item.Key)
		if e, do, err := w.entry(key, item); do && err == nil && meant(key.Leg) {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// DropLeg ends a leg of a message that is held, with its batches. Nobody is
// told. A leg that is not held is left alone: it returns false.
func (s *Spool) DropLeg(id gateway.QueueID, leg int) (dropped bool, err error) {
	defer s.locks.Lock(id)()
	state, err := s.legState(id, leg)
	if err != nil {
		return false, fmt.Errorf("drop leg %d of %s: %w", leg, id, err)
	}
	if state.stage != gateway.StageHeld {
		return false, nil
	}
	var b store.Batch
	for n := range state.batches {
		key := gateway.BatchKey{Message: id, Leg: leg, Number: n}
		dropBatch(&b, key, singleDeletesMax+1)
	}
	state.stage, state.resume = gateway.StageDone, 0
	b.Set(legIndexKey(id, leg), encodeLegState(state))
	if err := s.db.Commit(&b); err != nil {
		return false, fmt.Errorf("drop leg %d of %s: %w", leg, id, err)
	}
	s.sweep(id)
	return true, nil
}

// changeLegs changes the states of all legs for which change returns true, at once.
func (s *Spool) changeLegs(id gateway.QueueID, verb string, change func(leg int, state *legState) bool) error {
	defer s.locks.Lock(id)()
	var b store.Batch
	found := false
	for item, err := range s.db.Prefix(indexPrefix(id), nil) {
		if err != nil {
			return fmt.Errorf("%s %s: %w", verb, id, err)
		}
		found = true
		key, _ := parseIndexKey(item.Key)
		if key.Number != gateway.ExpandLeg {
			continue
		}
		if state, err := decodeLegState(item.Value); err == nil && change(key.Leg, state) {
			b.Set(bytes.Clone(item.Key), encodeLegState(state))
		}
	}
	if !found {
		return fmt.Errorf("%s %s: %w", verb, id, gateway.ErrNotSpooled)
	}
	if err := s.db.Commit(&b); err != nil {
		return fmt.Errorf("%s %s: %w", verb, id, err)
	}
	return nil
}
