// Package kv keeps values for handlers, from one call to the next: each
// handler has a name space of its own and a quota. It owns the spaces KVValues
// and KVExpiries of gateway/store.
//
// A change takes effect at once and for all callers; it belongs to no
// transaction. It waits for no sync of the disk: what handlers keep are
// counters and memories of what they saw, which the MTA's next try brings
// about again. Changes of a call are on the disk at the latest when the
// message of that call is, since batches of the store reach it in their order.
//
// Values that have expired are never seen. They go in small portions, with
// later changes of the same handler.
package kv

import (
	"errors"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway/store"
)

// Errors of Values. Any other is of class Transient.
var (
	ErrNotFound  = errors.New("there is no such value")
	ErrQuota     = errors.New("the quota of the handler is used up")
	ErrNoCounter = errors.New("the value is not a counter")
)

// Defaults of Options. An entry is charged for what the disk needs beside its
// key and value, so that the quota bounds the number of entries too.
const (
	QuotaBytesDefault = 16 << 20 // 200,000 senders of a greylist
	entryBytes        = 64
)

// Options says what values stand on. Store is required.
type Options struct {
	Store      *store.Store     // open; it stays the caller's
	QuotaBytes int64            // of one handler; 0: QuotaBytesDefault
	Now        func() time.Time // nil: time.Now
}

// Values are what all handlers keep. They are safe for concurrent use: two
// changes of one handler take turns, those of different handlers do not wait
// for each other.
type Values struct {
	db    *store.Store
	quota int64
	now   func() time.Time

	mu      sync.Mutex
	shelves map[string]*shelf
}

// New makes Values on a store.
func New(options Options) *Values {
	v := &Values{db: options.Store, quota: options.QuotaBytes, now: options.Now, shelves: map[string]*shelf{}}
	if v.quota == 0 {
		v.quota = QuotaBytesDefault
	}
	if v.now == nil {
		v.now = time.Now
	}
	return v
}

// Get returns what a handler keeps under a key, or ErrNotFound.
func (v *Values) Get(handler, key string) ([]byte, error) {
	e, err := v.shelf(handler).read(key)
	return e.value, err
}

// Set keeps a value under a key, for a time to live of whole seconds or, where
// that is 0, for ever. It takes the place of the one before. ErrQuota says
// that it does not fit; the one before stays.
func (v *Values) Set(handler, key string, value []byte, ttl time.Duration) error {
	s := v.shelf(handler)
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.readAny(key)
	if err != nil {
		return err
	}
	return s.write(key, old, entry{exists: true, value: value, expires: s.expiry(ttl)})
}

// Add changes a counter by delta and returns what it is then. A key without a
// value is a counter of 0, whose time to live begins with this call; that of a
// counter that is there goes on. Counters stop at 0 and at the largest int64.
// A value that is not a decimal number is ErrNoCounter.
func (v *Values) Add(handler, key string, delta int64, ttl time.Duration) (int64, error) {
	s := v.shelf(handler)
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.readAny(key)
	if err != nil {
		return 0, err
	}
	count, expires := int64(0), s.expiry(ttl)
	if old.lives(s.now()) {
		if count, err = parseCounter(old.value); err != nil {
			return 0, err
		}
		expires = old.expires
	}
	count = sum(count, delta)
	return count, s.write(key, old, entry{exists: true, value: formatCounter(count), expires: expires})
}

// Delete forgets a value. ErrNotFound says that there was none.
func (v *Values) Delete(handler, key string) error {
	s := v.shelf(handler)
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.readAny(key)
	if err != nil {
		return err
	}
	if old.exists {
		err = s.write(key, old, entry{})
	}
	if err == nil && !old.lives(s.now()) {
		return ErrNotFound
	}
	return err
}

// shelf returns a handler's own.
func (v *Values) shelf(handler string) *shelf {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.shelves[handler]
	if s == nil {
		s = &shelf{Values: v, values: prefix(store.KVValues, handler), expiries: prefix(store.KVExpiries, handler)}
		v.shelves[handler] = s
	}
	return s
}
