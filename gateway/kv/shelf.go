package kv

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway/store"
)

// Portions in which expired values go: a change clears at least twice what it
// can leave behind, and looks harder only where the quota is at stake.
const (
	purgeUsually = 16
	purgeForRoom = 1000
)

// shelf is what one handler keeps. mu is held by whoever changes it.
type shelf struct {
	*Values
	values, expiries []byte // beginnings of its keys

	mu      sync.Mutex
	counted bool
	used    int64
	purged  []byte // the last key of KVExpiries that went; nil: none so far
}

// expiry is the second in which a value of a time to live goes.
func (s *shelf) expiry(ttl time.Duration) int64 {
	if ttl <= 0 {
		return 0
	}
	return s.now().Add(ttl).Unix()
}

// readAny reads an entry, expired or not; one that is not there is not an error.
func (s *shelf) readAny(key string) (entry, error) {
	record, err := s.db.Get(s.valueKey(key))
	if errors.Is(err, store.ErrNotFound) {
		return entry{}, nil
	}
	if err != nil {
		return entry{}, err
	}
	return decode(record), nil
}

// valueKey is where the store has a value.
func (s *shelf) valueKey(key string) []byte {
	return append(s.values[:len(s.values):len(s.values)], key...)
}

// read reads an entry that is to be seen.
func (s *shelf) read(key string) (entry, error) {
	e, err := s.readAny(key)
	if err == nil && !e.lives(s.now()) {
		return entry{}, ErrNotFound
	}
	return e, err
}

// write puts an entry in place of old, or takes old away where the new one
// does not exist. What has expired goes with it, in portions.
func (s *shelf) write(key string, old, e entry) error {
	if err := s.makeRoom(e.size(key) - old.size(key)); err != nil {
		return err
	}
	old, err := s.readAny(key) // making room may have taken it
	if err != nil {
		return err
	}
	var b store.Batch
	if old.expires != 0 {
		b.Delete(expiryKey(s.expiries, old.expires, key))
	}
	switch {
	case e.exists:
		b.Set(s.valueKey(key), e.record())
	default:
		b.Delete(s.valueKey(key))
	}
	if e.exists && e.expires != 0 {
		index := expiryKey(s.expiries, e.expires, key)
		b.Set(index, nil)
		if bytes.Compare(index, s.purged) <= 0 { // the clock went back
			s.purged = nil
		}
	}
	if err := s.commit(&b, e.size(key)-old.size(key)); err != nil {
		return err
	}
	return s.purge(purgeUsually)
}

// makeRoom returns ErrQuota where so many octets more are too many, even after
// what has expired is gone.
func (s *shelf) makeRoom(more int64) error {
	if err := s.count(); err != nil || more <= 0 || s.used+more <= s.quota {
		return err
	}
	if err := s.purge(purgeForRoom); err != nil {
		return err
	}
	if s.used+more > s.quota {
		return ErrQuota
	}
	return nil
}

// commit makes changes that grow what is kept by so many octets. After an error
// it is open whether they were made, so that all is counted again.
func (s *shelf) commit(b *store.Batch, grown int64) error {
	if err := s.db.CommitLater(b); err != nil {
		s.counted = false
		return err
	}
	s.used += grown
	return nil
}

// purge takes away at most so many values that have expired, the oldest first.
// It begins after the last one that went, since the store goes slowly over
// keys that are gone.
func (s *shelf) purge(most int) error {
	now := s.now()
	var b store.Batch
	freed, last := int64(0), s.purged
	for item, err := range s.db.Prefix(s.expiries, s.purged) {
		if err != nil {
			return err
		}
		second, key, ok := splitExpiry(item.Key[len(s.expiries):])
		if most--; most < 0 || !ok || second > now.Unix() {
			break
		}
		last = bytes.Clone(item.Key)
		b.Delete(last)
		e, err := s.readAny(key)
		if err != nil {
			return err
		}
		if e.exists && !e.lives(now) {
			b.Delete(s.valueKey(key))
			freed += e.size(key)
		}
	}
	if b.Empty() {
		return nil
	}
	s.purged = last
	return s.commit(&b, -freed)
}

// count adds up what the handler keeps, once: the quota bounds how long that
// takes.
func (s *shelf) count() error {
	if s.counted {
		return nil
	}
	s.used = 0
	for item, err := range s.db.Prefix(s.values, nil) {
		if err != nil {
			return fmt.Errorf("count values: %w", err)
		}
		s.used += decode(item.Value).size(string(item.Key[len(s.values):]))
	}
	s.counted = true
	return nil
}
