package store

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func openSmall(t *testing.T, db *Store, max int) *Daybook {
	t.Helper()
	d, err := openDaybook(db, RosterPosts, max)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func note(t *testing.T, db *Store, d *Daybook, fingerprint string, at time.Time) (key []byte) {
	t.Helper()
	var b Batch
	key = d.Note(&b, []byte(fingerprint), []byte("record of "+fingerprint), at)
	if err := db.Commit(&b); err != nil {
		t.Fatal(err)
	}
	return key
}

// What was noted is found on its day and the next, and what only begins as it
// does is not; a daybook that is opened again knows the same.
func TestDaybook(t *testing.T) {
	db, err := Open(Options{Dir: "db", FS: NewMemory().FS()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	d := openSmall(t, db, dayMarksMax)
	note(t, db, d, "first of all", noon)
	taken := note(t, db, d, "taken back", noon)
	var b Batch
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
			{"first of all", -24 * time.Hour, true}, // the clock was set back
			{"first of all", -48 * time.Hour, false},
			{"first of none", 0, false},
			{"another", 0, false},
			{"taken back", 0, false},
		} {
			record, err := d.Find([]byte(c.fingerprint), noon.Add(c.after))
			if found := err == nil; found != c.found || !found && !errors.Is(err, ErrNotFound) || found && string(record) != "record of "+c.fingerprint {
				t.Errorf("%q after %v: %q, %v", c.fingerprint, c.after, record, err)
			}
		}
		d = openSmall(t, db, dayMarksMax)
	}
}

// A day with more than there is memory for is looked up on the disk.
func TestDaybookOfManyPosts(t *testing.T) {
	db, err := Open(Options{Dir: "db", FS: NewMemory().FS()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	number := func(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
	const max, most = 10, 12
	d := openSmall(t, db, max)
	for n := range most {
		note(t, db, d, string(number(n)), noon)
	}
	for range 2 {
		for n := range most + 1 {
			if _, err := d.Find(number(n), noon); n < most && err != nil || n == most && !errors.Is(err, ErrNotFound) {
				t.Errorf("%d: %v", n, err)
			}
		}
		d = openSmall(t, db, max)
	}
}
