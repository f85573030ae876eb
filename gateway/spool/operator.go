package spool

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// Row is a leg as an operator sees it.
type Row struct {
	ID          gateway.QueueID
	Leg         int
	Service     gateway.Service
	List        gateway.ListID
	Forward     string
	Stage       gateway.Stage
	Reason      string // why it is held
	ReversePath gateway.ReversePath
	Size        int64
	Received    time.Time
	Pending     int       // recipients that are not settled; of a post that is not expanded, its own addresses
	NextAttempt time.Time // the earliest; zero while it is held
	LastReply   string    // of a recipient that is pending, "" before the first
}

// List returns a row for each leg that is not done, in the order of the
// messages, as they are when it begins; those that are removed meanwhile may be
// missing. A message that cannot be read yields an error; the rest follows.
func (s *Spool) List() iter.Seq2[Row, error] { return s.ListFrom(0) }

// ListFrom is List from a message on.
func (s *Spool) ListFrom(first gateway.QueueID) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var l listing
		for item, err := range s.db.Range(indexPrefix(first), store.PrefixEnd(store.SpoolIndex.Key())) {
			if err != nil {
				yield(Row{}, fmt.Errorf("read the spool: %w", err))
				return
			}
			key, _ := parseIndexKey(item.Key)
			if key.Message != l.id {
				if !s.endListing(&l, yield) {
					return
				}
				l = s.beginListing(key.Message)
			}
			if l.err == nil {
				l.rows, l.err = s.addToRows(l.rows, l.head, item)
			}
		}
		s.endListing(&l, yield)
	}
}

// listing is the rows of one message.
type listing struct {
	id   gateway.QueueID
	head *head
	rows []Row
	err  error
}

func (s *Spool) beginListing(id gateway.QueueID) listing {
	record, err := s.db.Get(headKey(id))
	if err != nil {
		return listing{id: id, err: err}
	}
	h, err := decodeHead(id, record)
	return listing{id: id, head: h, err: err}
}

// endListing yields the rows, and says whether more are wanted. What a message
// that has gone meanwhile lacks is not an error.
func (s *Spool) endListing(l *listing, yield func(Row, error) bool) bool {
	if l.err != nil {
		_, err := s.db.Get(headKey(l.id))
		return errors.Is(err, store.ErrNotFound) || yield(Row{ID: l.id}, fmt.Errorf("read %s: %w", l.id, l.err))
	}
	for _, row := range finishRows(l.rows) {
		if !yield(row, nil) {
			return false
		}
	}
	return true
}

// addToRows takes an index record into account: a leg begins a row, a batch
// adds to the last one.
func (s *Spool) addToRows(rows []Row, h *head, item store.Item) ([]Row, error) {
	key, _ := parseIndexKey(item.Key)
	if key.Number == gateway.ExpandLeg {
		row, err := s.legRow(key, h, item.Value)
		return append(rows, row), err
	}
	state, err := decodeBatchState(item.Value)
	if err != nil || len(rows) == 0 {
		return rows, err
	}
	row := &rows[len(rows)-1]
	settled, reply, err := s.progress(key)
	row.Pending += state.recipients - settled
	if row.LastReply == "" {
		row.LastReply = reply
	}
	if row.NextAttempt.IsZero() || state.due.Before(row.NextAttempt) {
		row.NextAttempt = state.due
	}
	return rows, err
}

func (s *Spool) legRow(key gateway.BatchKey, h *head, index []byte) (Row, error) {
	state, err := decodeLegState(index)
	if err != nil {
		return Row{}, err
	}
	record, err := s.db.Get(legKey(key.Message, key.Leg))
	if err != nil {
		return Row{}, err
	}
	leg, err := decodeLeg(record)
	if err != nil {
		return Row{}, err
	}
	row := Row{
		ID: key.Message, Leg: key.Leg, Service: leg.Service, List: leg.List, Forward: leg.Forward,
		Stage: state.stage, Reason: state.reason,
		ReversePath: h.message.Envelope.ReversePath, Size: h.size, Received: h.message.Received,
	}
	if state.batches == 0 && (state.stage < gateway.StageExpanded || state.stage == gateway.StageHeld) {
		row.Pending, row.NextAttempt = len(leg.Recipients)+len(leg.Added), state.due
	}
	return row, nil
}

// progress counts the settled recipients of a batch, and returns the reply to
// one that is pending.
func (s *Spool) progress(key gateway.BatchKey) (settled int, reply string, err error) {
	for item, err := range s.db.Prefix(outcomesPrefix(key), nil) {
		if err != nil {
			return 0, "", err
		}
		outcomes, err := decodeOutcomes(item.Value)
		if err != nil {
			return 0, "", err
		}
		for _, o := range outcomes {
			switch {
			case o.Settled:
				settled++
			case o.Status != nil:
				reply = o.Status.Reply()
			}
		}
	}
	return settled, reply, nil
}

func finishRows(rows []Row) []Row {
	kept := rows[:0]
	for _, row := range rows {
		if row.Stage == gateway.StageHeld {
			row.NextAttempt = time.Time{}
		}
		if row.Stage != gateway.StageDone && (row.Stage != gateway.StageExpanded || row.Pending > 0) {
			kept = append(kept, row)
		}
	}
	return kept
}

// Drop removes a message and all that is still to be done with it. Nobody is told.
func (s *Spool) Drop(id gateway.QueueID) error {
	defer s.locks.Lock(id)()
	if _, err := s.db.Last(indexPrefix(id)); errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("drop %s: %w", id, gateway.ErrNotSpooled)
	}
	if err := s.remove(id, nil, s.db.Commit); err != nil {
		return fmt.Errorf("drop %s: %w", id, err)
	}
	return nil
}
