package store

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// Batch is a set of changes that happen together or not at all. Later ones win
// over earlier ones. The zero value is empty and ready; it keeps what it is
// given and is used by one goroutine.
type Batch struct{ changes []change }

type change struct {
	key, value []byte
	end        []byte // of a range
	op         changeOp
}

type changeOp uint8

const (
	opSet changeOp = iota
	opDelete
	opDeleteRange
)

// Set stores value under key.
func (b *Batch) Set(key, value []byte) {
	b.changes = append(b.changes, change{op: opSet, key: key, value: value})
}

// Delete removes key, which need not exist.
func (b *Batch) Delete(key []byte) {
	b.changes = append(b.changes, change{op: opDelete, key: key})
}

// DeleteRange removes every key from start on that is less than end.
func (b *Batch) DeleteRange(start, end []byte) {
	b.changes = append(b.changes, change{op: opDeleteRange, key: start, end: end})
}

// DeletePrefix removes every key that begins with prefix.
func (b *Batch) DeletePrefix(prefix []byte) { b.DeleteRange(prefix, PrefixEnd(prefix)) }

// changeBytesExtra is more than what a change takes beside its key and value in
// the engine: kind and two lengths.
const changeBytesExtra = 11

// size is about how many octets the engine needs for all changes.
func (b *Batch) size() int {
	n := 16
	for _, c := range b.changes {
		n += len(c.key) + len(c.value) + len(c.end) + changeBytesExtra
	}
	return n
}

// Empty says whether the batch changes nothing.
func (b *Batch) Empty() bool { return len(b.changes) == 0 }

// ErrUnwritable is the cause of all errors of Commit, and of reads while a database
// that failed is not open again: the disk is full or fails, and every other change
// would meet the same.
var ErrUnwritable = errors.New("the database takes no changes")

// Commit makes the changes of b, and returns when they and all that was
// committed before are on the disk. Errors are of class Transient; after one
// it is open whether the batch was committed.
func (s *Store) Commit(b *Batch) error { return s.commit(b, pebble.Sync) }

// CommitLater makes the changes of b without waiting for the disk: a crash may
// undo them, unless a later Commit succeeded.
func (s *Store) CommitLater(b *Batch) error { return s.commit(b, pebble.NoSync) }

func (s *Store) commit(b *Batch, options *pebble.WriteOptions) error {
	if b.Empty() {
		return nil
	}
	e, err := s.use()
	if err != nil {
		return deferral(err)
	}
	if err := e.write(func() error { return e.apply(b, options) }); err != nil {
		return deferral(fmt.Errorf("%w: %w", ErrUnwritable, err))
	}
	return nil
}

func (e *engine) apply(b *Batch, options *pebble.WriteOptions) error {
	batch := e.db.NewBatchWithSize(b.size())
	for _, c := range b.changes {
		var err error
		switch c.op {
		case opSet:
			err = batch.Set(c.key, c.value, nil)
		case opDelete:
			err = batch.Delete(c.key, nil)
		case opDeleteRange:
			err = batch.DeleteRange(c.key, c.end, nil)
		}
		if err != nil {
			return err
		}
	}
	if err := e.db.Apply(batch, options); err != nil {
		return err
	}
	return batch.Close()
}

// LogBytes is what the running engine has written to its log: the changes
// themselves, which later go into tables and are compacted there.
func (s *Store) LogBytes() uint64 {
	e, err := s.use()
	if err != nil {
		return 0
	}
	return e.db.Metrics().WAL.BytesWritten
}

// ErrNotFound says that there is no such key.
var ErrNotFound = errors.New("not found")

// Get returns a copy of the value of key, or ErrNotFound. Other errors are of
// class Transient.
func (s *Store) Get(key []byte) ([]byte, error) {
	e, err := s.use()
	if err != nil {
		return nil, deferral(err)
	}
	value, closer, err := e.db.Get(key)
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		return nil, ErrNotFound
	case err != nil:
		return nil, deferral(err)
	}
	defer closer.Close()
	return bytes.Clone(value), nil
}

// Item is a key with its value. Both are valid until the iteration goes on.
type Item struct{ Key, Value []byte }

// Prefix iterates over the keys that begin with prefix, in their order,
// starting with the first one past after, which is nil or such a key. It
// sees the database as it is when the iteration begins. An error ends it and
// is of class Transient.
func (s *Store) Prefix(prefix, after []byte) iter.Seq2[Item, error] {
	lower := prefix
	if after != nil {
		lower = append(slices.Clone(after), 0)
	}
	return s.Range(lower, PrefixEnd(prefix))
}

// Range iterates as Prefix does, over the keys from start on that are less
// than end.
func (s *Store) Range(start, end []byte) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		it, err := s.iterator(start, end)
		if err != nil {
			yield(Item{}, err)
			return
		}
		defer it.Close()
		for it.First(); it.Valid(); it.Next() {
			value, err := it.ValueAndErr()
			if err != nil {
				break // Error tells it below
			}
			if !yield(Item{it.Key(), value}, nil) {
				return
			}
		}
		if err := it.Error(); err != nil {
			yield(Item{}, deferral(err))
		}
	}
}

// Last returns a copy of the last key that begins with prefix, or ErrNotFound.
func (s *Store) Last(prefix []byte) ([]byte, error) {
	it, err := s.iterator(prefix, PrefixEnd(prefix))
	if err != nil {
		return nil, err
	}
	defer it.Close()
	if it.Last() {
		return bytes.Clone(it.Key()), nil
	}
	if err := it.Error(); err != nil {
		return nil, deferral(err)
	}
	return nil, ErrNotFound
}

func (s *Store) iterator(start, end []byte) (*pebble.Iterator, error) {
	e, err := s.use()
	if err != nil {
		return nil, deferral(err)
	}
	it, err := e.db.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return nil, deferral(err)
	}
	return it, nil
}

// PrefixEnd is the least key that is larger than all that begin with prefix;
// nil, for no end, where prefix is nothing but 255s.
func PrefixEnd(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
