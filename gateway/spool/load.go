package spool

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// ErrDamaged says that a message or a batch was not as it was written. It is
// set aside, and is no longer in the spool.
var ErrDamaged = errors.New("damaged, set aside")

// Load implements gateway.Spool.
func (s *Spool) Load(id gateway.QueueID) (*gateway.Message, error) {
	m, err := s.load(id)
	if isDamage(err) {
		return nil, s.setMessageAside(id, err)
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", id, err)
	}
	return m, nil
}

// errContent is damage of a content.
var errContent = errors.New("the content is not the one that was accepted")

func isDamage(err error) bool {
	return errors.Is(err, store.ErrCorrupt) || errors.Is(err, errContent)
}

func (s *Spool) load(id gateway.QueueID) (*gateway.Message, error) {
	record, err := s.lookUp(headKey(id))
	if err != nil {
		return nil, err
	}
	h, err := decodeHead(id, record)
	if err != nil {
		return nil, err
	}
	c := &content{spool: s, id: id, size: h.size}
	if !h.inFile {
		if c.inline, err = part(s, contentKey(id), decodeContent); err != nil {
			return nil, err
		}
		if int64(len(c.inline)) != h.size {
			return nil, errContent
		}
	}
	h.message.Content = c
	return s.complete(h)
}

// lookUp reads a record without which there is no such message, leg or batch.
func (s *Spool) lookUp(key []byte) ([]byte, error) {
	record, err := s.db.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, gateway.ErrNotSpooled
	}
	return record, err
}

// part reads a record that a message or a batch has as long as it is there.
func part[T any](s *Spool, key []byte, decode func([]byte) (T, error)) (value T, err error) {
	record, err := s.db.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return value, store.ErrCorrupt
	}
	if err != nil {
		return value, err
	}
	return decode(record)
}

// complete adds the legs with their states, and looks at the content.
func (s *Spool) complete(h *head) (*gateway.Message, error) {
	m := &h.message
	for i := range h.legs {
		leg, err := part(s, legKey(m.ID, i), decodeLeg)
		if err != nil {
			return nil, err
		}
		state, err := s.legState(m.ID, i)
		if err != nil {
			return nil, err
		}
		state.apply(leg)
		m.Legs = append(m.Legs, *leg)
	}
	return m, s.verify(m)
}

func (s *Spool) legState(id gateway.QueueID, leg int) (*legState, error) {
	record, err := s.lookUp(legIndexKey(id, leg))
	if err != nil {
		return nil, err
	}
	return decodeLegState(record)
}

// verify compares a content in a file with its digest: once, since a list of a
// million members loads it a thousand times. One in the database has a checksum
// of its own, as all records have.
func (s *Spool) verify(m *gateway.Message) error {
	if !m.Content.(*content).inFile() || m.Digest == [32]byte{} || s.isVerified(m.ID) {
		return nil
	}
	r, err := m.Content.Open()
	if store.NotExist(err) {
		return errContent
	}
	if err != nil {
		return err
	}
	defer r.Close()
	sum := sha256.New()
	switch n, err := io.Copy(sum, r); {
	case err != nil:
		return fmt.Errorf("read content: %w", err)
	case n != m.Content.Size(), !bytes.Equal(sum.Sum(nil), m.Digest[:]):
		return errContent
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.lookUp(headKey(m.ID)); err == nil { // nobody forgets one that is gone by now
		s.verified[m.ID] = true
	}
	return nil
}

func (s *Spool) isVerified(id gateway.QueueID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.verified[id]
}

// Batch implements gateway.Spool. One that cannot be read is set aside.
func (s *Spool) Batch(key gateway.BatchKey) (*gateway.Batch, error) {
	b, err := s.batch(key)
	if isDamage(err) {
		return nil, s.setBatchAside(key, err)
	}
	if err != nil {
		return nil, fmt.Errorf("batch %d of leg %d of %s: %w", key.Number, key.Leg, key.Message, err)
	}
	return b, nil
}

func (s *Spool) batch(key gateway.BatchKey) (*gateway.Batch, error) {
	index, err := s.lookUp(indexKey(key))
	if err != nil {
		return nil, err
	}
	state, err := decodeBatchState(index)
	if err != nil {
		return nil, err
	}
	b, err := part(s, planKey(key), func(record []byte) (*gateway.Batch, error) { return decodePlan(key, record) })
	if err != nil {
		return nil, err
	}
	b.Priority, b.Attempt, b.Due, b.Expires = state.priority, state.attempt, state.due, state.expires
	for item, err := range s.db.Prefix(outcomesPrefix(key), nil) {
		if err != nil {
			return nil, err
		}
		delivery := outcomeDelivery(item.Key)
		outcomes, err := decodeOutcomes(item.Value)
		if err != nil || delivery >= len(b.Deliveries) || len(outcomes) > len(b.Deliveries[delivery].Recipients) {
			return nil, store.ErrCorrupt
		}
		b.Deliveries[delivery].Outcomes = outcomes
	}
	return b, nil
}

// setMessageAside keeps all records of a damaged message under SpoolDamaged,
// and its content in state_dir/damaged. One that was removed while it was read is
// not damaged.
func (s *Spool) setMessageAside(id gateway.QueueID, cause error) error {
	defer s.locks.Lock(id)()
	if _, err := s.db.Get(headKey(id)); errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("load %s: %w", id, gateway.ErrNotSpooled)
	}
	s.log.Error("ALARM spool: a message is damaged and set aside", "id", id, "error", cause)
	var b store.Batch
	err := errors.Join(s.moveAside(&b, messagePrefix(id)), s.moveAside(&b, indexPrefix(id)), s.db.Commit(&b))
	if err != nil {
		return fmt.Errorf("set %s aside: %w", id, err)
	}
	err = s.fs.Rename(s.contentFile(id), filepath.Join(s.damagedDir(), id.String()))
	if err != nil && !store.NotExist(err) {
		s.log.Error("spool: a damaged content stays where it is", "id", id, "error", err)
	}
	return fmt.Errorf("message %s: %w: %w", id, ErrDamaged, cause)
}

// setBatchAside is setMessageAside for a batch.
func (s *Spool) setBatchAside(key gateway.BatchKey, cause error) error {
	defer s.locks.Lock(key.Message)()
	if _, err := s.lookUp(indexKey(key)); errors.Is(err, gateway.ErrNotSpooled) {
		return fmt.Errorf("batch %d of leg %d of %s: %w", key.Number, key.Leg, key.Message, err)
	}
	s.log.Error("ALARM spool: a batch is damaged and set aside", "id", key.Message, "leg", key.Leg, "batch", key.Number, "error", cause)
	var b store.Batch
	err := errors.Join(s.moveAside(&b, planKey(key)), s.moveAside(&b, outcomesPrefix(key)),
		s.moveAside(&b, indexKey(key)), s.db.Commit(&b))
	if err != nil {
		return fmt.Errorf("set a batch of %s aside: %w", key.Message, err)
	}
	return fmt.Errorf("batch %d of leg %d of %s: %w: %w", key.Number, key.Leg, key.Message, ErrDamaged, cause)
}

func (s *Spool) moveAside(b *store.Batch, prefix []byte) error {
	for item, err := range s.db.Prefix(prefix, nil) {
		if err != nil {
			return err
		}
		b.Set(store.SpoolDamaged.Key(item.Key), bytes.Clone(item.Value))
		b.Delete(bytes.Clone(item.Key))
	}
	return nil
}
