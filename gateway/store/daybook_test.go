package store_test

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway/store"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func openDaybook(t *testing.T, db *store.Store) *store.Daybook {
	t.Helper()
	d, err := store.OpenDaybook(db, store.RosterPosts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func note(t *testing.T, db *store.Store, d *store.Daybook, fingerprint string, at time.Time) (key []byte) {
	t.Helper()
	var b store.Batch
	key = d.Note(&b, []byte(fingerprint), []byte("record of "+fingerprint), at)
	if err := db.Commit(&b); err != nil {
		t.Fatal(err)
	}
	return key
}

// What was noted is found on its day and the next, and what only begins as it
// does is not; a daybook that is opened again knows the same.
func TestDaybook(t *testing.T) {
	db := open(t, store.NewMemory())
	d := openDaybook(t, db)
	note(t, db, d, "first of all", noon)
	taken := note(t, db, d, "taken back", noon)
	var b store.Batch
	b.Delete(taken)
	if err := db.Commit(&b); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, c := range []struct {
			fingerprint string
			after       time.Duration
			found       bool
		}{
			{"first of all", 0, true},
			{"first of all", 24 * time.Hour, true},
			{"first of all", 48 * time.Hour, false},
			{"first of all", -24 * time.Hour, false},
			{"first of none", 0, false},
			{"another", 0, false},
			{"taken back", 0, false},
		} {
			record, err := d.Find([]byte(c.fingerprint), noon.Add(c.after))
			if found := err == nil; found != c.found || !found && !errors.Is(err, store.ErrNotFound) || found && string(record) != "record of "+c.fingerprint {
				t.Errorf("%q after %v: %q, %v", c.fingerprint, c.after, record, err)
			}
		}
		d = openDaybook(t, db)
	}
}

// A day with more than there is memory for is looked up on the disk.
func TestDaybookOfManyPosts(t *testing.T) {
	db := open(t, store.NewMemory())
	var b store.Batch
	d := openDaybook(t, db)
	number := func(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
	for n := range 1<<20 + 2 {
		if n%100_000 == 0 {
			if err := db.CommitLater(&b); err != nil {
				t.Fatal(err)
			}
			b = store.Batch{}
		}
		d.Note(&b, number(n), nil, noon)
	}
	if err := db.Commit(&b); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, n := range []int{0, 1<<20 + 1} {
			if _, err := d.Find(number(n), noon); err != nil {
				t.Errorf("%d: %v", n, err)
			}
		}
		if _, err := d.Find(number(1<<20+2), noon); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("found what was never noted: %v", err)
		}
		d = openDaybook(t, db)
	}
}
