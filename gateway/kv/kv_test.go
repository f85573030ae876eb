package kv

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// clock is a time that tests set.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func (c *clock) pass(d time.Duration) { c.Time = c.Add(d) }

// open gives Values on a disk in memory, and the clock that they look at.
func open(t testing.TB, disk *store.Memory, quota int64) (*Values, *clock) {
	t.Helper()
	db, err := store.Open(store.Options{Dir: "/state/db", FS: disk.FS()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c := &clock{time.Unix(1_700_000_000, 0)}
	return New(Options{Store: db, QuotaBytes: quota, Now: c.now}), c
}

func holds(t *testing.T, v *Values, handler, key, want string) {
	t.Helper()
	switch got, err := v.Get(handler, key); {
	case want == "" && !errors.Is(err, ErrNotFound):
		t.Errorf("%s keeps %q under %q, %v", handler, got, key, err)
	case want != "" && (err != nil || string(got) != want):
		t.Errorf("%s keeps %q under %q, %v, not %q", handler, got, key, err, want)
	}
}

func TestHandlersDoNotSeeEachOther(t *testing.T) {
	v, _ := open(t, store.NewMemory(), 0)
	for handler, key := range map[string]string{"a": "bc", "ab": "c", "": "abc"} {
		if err := v.Set(handler, key, []byte(handler+"!"), 0); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, v, "a", "bc", "a!")
	holds(t, v, "ab", "c", "ab!")
	holds(t, v, "", "abc", "!")
	holds(t, v, "a", "c", "")
	holds(t, v, "b", "c", "")
}

func TestValuesExpire(t *testing.T) {
	v, clock := open(t, store.NewMemory(), 0)
	v.Set("h", "short", []byte("1"), 10*time.Second)
	v.Set("h", "ever", []byte("2"), 0)
	v.Set("h", "renewed", []byte("3"), 10*time.Second)
	clock.pass(9 * time.Second)
	holds(t, v, "h", "short", "1")
	v.Set("h", "renewed", []byte("4"), 10*time.Second)
	clock.pass(time.Second)
	holds(t, v, "h", "short", "")
	holds(t, v, "h", "ever", "2")
	holds(t, v, "h", "renewed", "4")
	if err := v.Delete("h", "short"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an expired value was deleted: %v", err)
	}
	if err := v.Delete("h", "ever"); err != nil {
		t.Error(err)
	}
	holds(t, v, "h", "ever", "")
}

func TestEmptyValuesExist(t *testing.T) {
	v, _ := open(t, store.NewMemory(), 0)
	v.Set("h", "k", nil, 0)
	if got, err := v.Get("h", "k"); err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCounters(t *testing.T) {
	v, clock := open(t, store.NewMemory(), 0)
	for _, step := range []struct {
		delta, want int64
		pass        time.Duration
	}{
		{2, 2, 6 * time.Second}, {3, 5, 3 * time.Second}, {-1, 4, time.Second}, // ten seconds since the first
		{1, 1, 0}, {-9, 0, 0}, {math.MaxInt64, math.MaxInt64, 0}, {7, math.MaxInt64, 0}, {math.MinInt64, 0, 0}, {0, 0, 0},
	} {
		if got, err := v.Add("h", "n", step.delta, 10*time.Second); err != nil || got != step.want {
			t.Errorf("%+d gave %d, %v, not %d", step.delta, got, err, step.want)
		}
		clock.pass(step.pass)
	}
	v.Set("h", "text", []byte("many"), 0)
	if _, err := v.Add("h", "text", 1, 0); !errors.Is(err, ErrNoCounter) {
		t.Errorf("a text was counted up: %v", err)
	}
	v.Set("h", "set", []byte("41"), 0)
	if n, err := v.Add("h", "set", 1, 0); n != 42 {
		t.Errorf("%d, %v", n, err)
	}
}

func TestIncrementsAreAtomic(t *testing.T) {
	v, _ := open(t, store.NewMemory(), 0)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				v.Add("h", "n", 1, time.Minute)
				v.Add("other", "n", 1, time.Minute)
			}
		})
	}
	all.Wait()
	holds(t, v, "h", "n", "800")
	holds(t, v, "other", "n", "800")
}

func TestQuota(t *testing.T) {
	v, clock := open(t, store.NewMemory(), 1000)
	big := []byte(strings.Repeat("x", 400))
	if err := errors.Join(v.Set("h", "a", big, 10*time.Second), v.Set("h", "b", big, 0)); err != nil {
		t.Fatal(err)
	}
	if err := v.Set("h", "c", big, 0); !errors.Is(err, ErrQuota) {
		t.Errorf("a third value: %v", err)
	}
	if err := v.Set("h", "b", []byte(strings.Repeat("y", 500)), 0); !errors.Is(err, ErrQuota) {
		t.Errorf("a larger value: %v", err)
	}
	holds(t, v, "h", "b", string(big))
	if err := errors.Join(v.Set("other", "c", big, 0), v.Set("h", "b", []byte("less"), 0), v.Set("h", "b", big, 0)); err != nil {
		t.Error(err)
	}
	clock.pass(10 * time.Second)
	if err := v.Set("h", "c", big, 0); err != nil {
		t.Errorf("what has expired is still in the way: %v", err)
	}
	if err := v.Delete("h", "c"); err != nil {
		t.Error(err)
	}
	if n, err := used(v, "h"); err != nil || n != 400+1+entryBytes {
		t.Errorf("%d octets are in use, %v", n, err)
	}
}

// used is how much of its quota a handler has used up, values that have expired and
// are not cleared away yet included.
func used(v *Values, handler string) (int64, error) {
	s := v.shelf(handler)
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.count()
	return s.used, err
}

// TestExpiredValuesGo holds that a handler whose values expire as fast as it
// makes them keeps no more than those that live.
func TestExpiredValuesGo(t *testing.T) {
	disk := store.NewMemory()
	v, clock := open(t, disk, 0)
	for i := range 5000 {
		if err := v.Set("h", fmt.Sprint(i), []byte("x"), 10*time.Second); err != nil {
			t.Fatal(err)
		}
		clock.pass(100 * time.Millisecond)
	}
	keys := 0
	for _, err := range v.db.Prefix(prefix(store.KVValues, "h"), nil) {
		if keys++; err != nil {
			t.Fatal(err)
		}
	}
	for range v.db.Prefix(prefix(store.KVExpiries, "h"), nil) {
		keys++
	}
	if keys > 2*100+2 {
		t.Errorf("%d keys for 100 values that live", keys)
	}
	n, _ := used(v, "h")
	if counted, err := used(New(Options{Store: v.db, Now: clock.now}), "h"); counted != n || err != nil {
		t.Errorf("%d octets are counted, and %d found, %v", n, counted, err)
	}
}

func TestClockThatGoesBack(t *testing.T) {
	v, clock := open(t, store.NewMemory(), 0)
	v.Set("h", "a", []byte("x"), time.Second)
	clock.pass(time.Minute)
	v.Set("h", "b", []byte("x"), 0) // a goes
	clock.pass(-time.Hour)
	v.Set("h", "c", []byte("x"), time.Second)
	clock.pass(time.Minute)
	v.Set("h", "b", []byte("x"), 0) // c goes
	if n, err := used(v, "h"); n != 2+entryBytes || err != nil {
		t.Errorf("%d octets are in use, %v", n, err)
	}
}

func TestRestart(t *testing.T) {
	disk := store.NewMemory()
	v, _ := open(t, disk, 0)
	v.Set("h", "k", []byte("x"), time.Hour)
	if err := v.db.Close(); err != nil {
		t.Fatal(err)
	}
	again, _ := open(t, disk, 0)
	holds(t, again, "h", "k", "x")
}

// TestASyncedBatchKeepsWhatCameBefore holds what the package promises of the
// disk: the commit of the message makes the call's changes durable.
func TestASyncedBatchKeepsWhatCameBefore(t *testing.T) {
	disk := store.NewMemory()
	v, _ := open(t, disk, 0)
	v.Set("h", "k", []byte("x"), 0)
	var b store.Batch
	b.Set(store.SpoolState.Key(), []byte("message"))
	if err := v.db.Commit(&b); err != nil {
		t.Fatal(err)
	}
	after, _ := open(t, disk.Crash(0, 1), 0)
	holds(t, after, "h", "k", "x")
}

func TestClosedStore(t *testing.T) {
	disk := store.NewMemory()
	v, _ := open(t, disk, 0)
	v.db.Close()
	err := v.Set("h", "k", []byte("x"), 0)
	if gateway.AsStatus(err).Class() != gateway.Transient || err == nil {
		t.Errorf("a closed database: %v", err)
	}
}

// TestRottenRecords holds that a record of other octets is not a value, and is in
// nobody's way.
func TestRottenRecords(t *testing.T) {
	v, _ := open(t, store.NewMemory(), 0)
	var b store.Batch
	b.Set(append(prefix(store.KVValues, "h"), 'k'), []byte("rot"))
	if err := v.db.Commit(&b); err != nil {
		t.Fatal(err)
	}
	holds(t, v, "h", "k", "")
	if n, err := v.Add("h", "k", 1, 0); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func BenchmarkAdd(b *testing.B) {
	v, _ := open(b, store.NewMemory(), 0)
	for i := 0; b.Loop(); i++ {
		if _, err := v.Add("h", fmt.Sprint(i%1000), 1, time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}
