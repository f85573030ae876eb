package spool

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

var errForeignContent = errors.New("the content is not of Begin, or of another message")

// Accept implements gateway.Spool. Legs that are duplicates are kept in their
// places as done, so that an index means the same leg before and after. A
// message with a zero Digest is not a duplicate of anything. One whose legs are
// all done leaves nothing but the trace that its duplicates find.
func (s *Spool) Accept(ctx context.Context, m *gateway.Message) (duplicates []int, err error) {
	c, ok := m.Content.(*content)
	if !ok || c.id != m.ID || c.spool != s || c.writer == nil || len(m.Legs) > LegsMax {
		return nil, gateway.Deferred(errForeignContent)
	}
	if err := ctx.Err(); err != nil {
		return nil, gateway.Deferred(err)
	}
	fingerprints := fingerprints(m)
	defer s.lockLegs(fingerprints)()
	if err := s.settleDoubts(); err != nil {
		return nil, err
	}
	duplicates, err = s.findDuplicates(m, fingerprints)
	if err != nil {
		return nil, err
	}
	a := acceptance{message: m, content: c, duplicates: duplicates, fingerprints: fingerprints}
	return duplicates, s.commitAcceptance(&a)
}

func fingerprints(m *gateway.Message) [][]byte {
	all := make([][]byte, len(m.Legs))
	if m.Digest != [32]byte{} {
		for i := range m.Legs {
			all[i] = fingerprint(m, &m.Legs[i])
		}
	}
	return all
}

func (s *Spool) findDuplicates(m *gateway.Message, fingerprints [][]byte) (duplicates []int, err error) {
	for i, f := range fingerprints {
		if f == nil {
			continue
		}
		found, err := s.accepted(f, m.Received)
		if err != nil {
			return nil, fmt.Errorf("look for a duplicate of %s: %w", m.ID, err)
		}
		if found {
			duplicates = append(duplicates, i)
		}
	}
	return duplicates, nil
}

// acceptance is one message on its way to the disk.
type acceptance struct {
	message      *gateway.Message
	content      *content
	duplicates   []int
	fingerprints [][]byte
}

func (s *Spool) commitAcceptance(a *acceptance) error {
	legs, live := a.legs()
	var b store.Batch
	if live {
		if a.content.inFile() {
			if err := a.content.writer.sync(); err != nil {
				return err
			}
		}
		a.records(&b, legs)
	}
	traces := a.trace(&b, s.duplicates)
	b.Set(lastKey, encodeLast(a.message.ID))
	if err := s.db.Commit(&b); err != nil {
		s.doubt(a.message.ID, doubt{traces: traces, inFile: live && a.content.inFile()})
		return fmt.Errorf("accept %s: %w", a.message.ID, err)
	}
	return nil
}

// legs are those of the message with the duplicates among them done, and
// whether any is left.
func (a *acceptance) legs() (legs []gateway.Leg, live bool) {
	legs = append(legs, a.message.Legs...)
	for _, i := range a.duplicates {
		legs[i] = gateway.Leg{Service: legs[i].Service, List: legs[i].List, Forward: legs[i].Forward, Stage: gateway.StageDone}
	}
	for i := range legs {
		live = live || legs[i].Stage != gateway.StageDone
	}
	return legs, live
}

// records adds all that is kept of the message to b.
func (a *acceptance) records(b *store.Batch, legs []gateway.Leg) {
	m := a.message
	b.Set(headKey(m.ID), encodeHead(&head{message: *m, size: a.content.size, inFile: a.content.inFile(), legs: len(legs)}))
	if !a.content.inFile() {
		b.Set(contentKey(m.ID), encodeContent(a.content.enclosed))
	}
	for i := range legs {
		l := &legs[i]
		b.Set(legKey(m.ID, i), encodeLeg(l))
		state := newLegState(l)
		state.priority, state.due = l.Service.Priority(), m.Received
		b.Set(legIndexKey(m.ID, i), encodeLegState(state))
	}
}

// trace adds to b what later duplicates of the legs find, and returns its keys.
func (a *acceptance) trace(b *store.Batch, duplicates *store.Daybook) (keys [][]byte) {
	for i, f := range a.fingerprints {
		if f == nil || slices.Contains(a.duplicates, i) {
			continue
		}
		keys = append(keys, duplicates.Note(b, f, encodeDuplicate(a.message.Received), a.message.Received))
	}
	return keys
}

// doubt is an acceptance that was answered as failed, and may be on the disk
// nevertheless. Nobody was told that it is queued, so it must not stay: the
// MTA's next try would be taken for its duplicate and be lost.
type doubt struct {
	traces [][]byte
	inFile bool
}

func (s *Spool) doubt(id gateway.QueueID, d doubt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubts[id] = d
}

// settleDoubts removes every acceptance in doubt. Until it succeeds no other
// one begins. A restart settles them too: what is on the disk then is queued.
func (s *Spool) settleDoubts() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.doubts) == 0 {
		return nil
	}
	var b store.Batch
	for id, d := range s.doubts {
		b.DeletePrefix(messagePrefix(id))
		b.DeletePrefix(indexPrefix(id))
		for _, key := range d.traces {
			b.Delete(key)
		}
	}
	if err := s.db.Commit(&b); err != nil {
		return fmt.Errorf("remove acceptances that failed: %w", err)
	}
	for id, d := range s.doubts {
		if d.inFile {
			s.removeContentFile(id)
		}
	}
	clear(s.doubts)
	return nil
}
