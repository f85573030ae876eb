package spool

import (
	"fmt"
	"iter"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// Entries implements gateway.Spool. Held legs and their batches have
// gateway.StageHeld: they are not to be done before Release. Legs to be
// expanded are due when they came, and have no Expires. Messages that are
// found finished are removed. A record that is damaged is set aside, and yields an
// error that is ErrDamaged.
func (s *Spool) Entries() iter.Seq2[gateway.Entry, error] {
	return func(yield func(gateway.Entry, error) bool) {
		var w walk
		for item, err := range s.db.Prefix(store.SpoolIndex.Key(), nil) {
			if err != nil {
				yield(gateway.Entry{}, fmt.Errorf("read the spool: %w", err))
				return
			}
			key, ok := parseIndexKey(item.Key)
			if ok && key.Message != w.id {
				s.leaveMessage(&w)
			}
			entry, do, err := w.entry(key, item)
			if isDamage(err) {
				err = s.setIndexAside(key, err)
			}
			if (do || err != nil) && !yield(entry, err) {
				return
			}
		}
		s.leaveMessage(&w)
	}
}

// walk is a place in the index.
type walk struct {
	id    gateway.QueueID
	alive bool // something of the message is to be done
	leg   legState
}

// entry reads one record, and says whether it stands for something to do.
func (w *walk) entry(key gateway.BatchKey, item store.Item) (e gateway.Entry, do bool, err error) {
	w.id = key.Message
	w.alive = w.alive || alive(item)
	e = gateway.Entry{Message: key.Message, Leg: key.Leg, Batch: key.Number}
	if key.Number == gateway.ExpandLeg {
		w.leg = legState{}
		state, err := decodeLegState(item.Value)
		if err != nil {
			return e, false, err
		}
		w.leg = *state
		e.List, e.Stage, e.Priority, e.Due = state.list, state.stage, state.priority, state.due
		return e, alive(item), nil
	}
	state, err := decodeBatchState(item.Value)
	if err != nil {
		return e, false, err
	}
	e.List, e.Stage = w.leg.list, gateway.StageExpanded
	if w.leg.stage == gateway.StageHeld {
		e.Stage = gateway.StageHeld
	}
	e.Priority, e.Attempt, e.Due, e.Expires = state.priority, state.attempt, state.due, state.expires
	e.Route, e.Recipients = state.route, state.recipients
	return e, true, nil
}

// leaveMessage removes the message that w comes from if it is finished.
func (s *Spool) leaveMessage(w *walk) {
	if w.id != 0 && !w.alive {
		unlock := s.locks.Lock(w.id)
		s.sweep(w.id)
		unlock()
	}
	*w = walk{}
}

// setIndexAside sets aside what a damaged index record stands for.
func (s *Spool) setIndexAside(key gateway.BatchKey, cause error) error {
	if key.Number == gateway.ExpandLeg {
		return s.setMessageAside(key.Message, cause)
	}
	return s.setBatchAside(key, cause)
}
