package spool

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// Duplicates are kept by the day of their acceptance, so that a day is purged
// as one range:
//
//	day fingerprint -> time of acceptance     4 and 16 octets
//
// A day is as long as the window: an entry that counts is in the day of the
// question or in the one before.

// fingerprintBytes makes a chance hit between two messages impossible in practice.
const fingerprintBytes = 16

// fingerprint is what makes a leg the same as another one: what it is for, its
// recipients as a set, the reverse-path and the content.
func fingerprint(m *gateway.Message, leg *gateway.Leg) []byte {
	var paths []string
	for _, id := range leg.Recipients {
		if int(id) >= 0 && int(id) < len(m.Envelope.Recipients) {
			paths = append(paths, m.Envelope.Recipients[id].Path.Key())
		}
	}
	if len(leg.Recipients) == 0 { // mail of our own
		for i := range leg.Added {
			paths = append(paths, leg.Added[i].Path.Key())
		}
	}
	slices.Sort(paths)
	w := store.NewWriter(recordVersion)
	w.Raw(m.Digest[:])
	w.String(string(m.Envelope.ReversePath))
	w.String(string(leg.Service))
	w.String(string(leg.List))
	w.String(leg.Forward)
	writeStrings(w, slices.Compact(paths))
	sum := sha256.Sum256(w.Record())
	return sum[:fingerprintBytes]
}

func day(t time.Time) int64 { return t.Unix() / int64(gateway.DuplicateWindow/time.Second) }

func dayPrefix(day int64) []byte {
	return binary.BigEndian.AppendUint32(store.SpoolDuplicates.Key(), uint32(max(day, 0)))
}

func duplicateKey(at time.Time, fingerprint []byte) []byte {
	return append(dayPrefix(day(at)), fingerprint...)
}

func encodeDuplicate(at time.Time) []byte {
	w := store.NewWriter(recordVersion)
	w.Time(at)
	return w.Record()
}

// accepted says whether a leg was accepted within the window before now. A
// damaged entry counts: the message that it stands for was accepted.
func (s *Spool) accepted(fingerprint []byte, now time.Time) (bool, error) {
	for _, at := range []time.Time{now, now.Add(-gateway.DuplicateWindow)} {
		record, err := s.db.Get(duplicateKey(at, fingerprint))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		r, _ := store.NewReader(record, recordVersion)
		then := r.Time()
		if r.End() != nil || now.Sub(then) < gateway.DuplicateWindow {
			return true, nil
		}
	}
	return false, nil
}

// purge adds to b the removal of the days that count no more, once a day. The
// clock may be set back by a day without harm.
func (s *Spool) purge(b *store.Batch, now time.Time) {
	today := day(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	if today != s.purged {
		s.purged = today
		b.DeleteRange(dayPrefix(0), dayPrefix(today-2))
	}
}

// lockLegs waits until no other acceptance of one of the legs is in progress.
func (s *Spool) lockLegs(fingerprints [][]byte) (unlock func()) {
	keys := make([]string, 0, len(fingerprints))
	for _, f := range fingerprints {
		if f != nil {
			keys = append(keys, string(f))
		}
	}
	slices.SortFunc(keys, cmp.Compare[string]) // one order for all, so that nobody waits in a circle
	keys = slices.Compact(keys)
	unlocks := make([]func(), len(keys))
	for i, key := range keys {
		unlocks[i] = s.legs.lock(key)
	}
	return func() {
		for _, unlock := range unlocks {
			unlock()
		}
	}
}
