package spool

import (
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

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

func encodeDuplicate(at time.Time) []byte {
	w := store.NewWriter(recordVersion)
	w.Time(at)
	return w.Record()
}

// accepted says whether a leg was accepted within the window before now. A
// damaged entry counts: the message that it stands for was accepted.
func (s *Spool) accepted(fingerprint []byte, now time.Time) (bool, error) {
	record, err := s.duplicates.Find(fingerprint, now)
	if err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		return false, err
	}
	r := store.NewReader(record, recordVersion)
	then := r.Time()
	return r.End() != nil || now.Sub(then) < gateway.DuplicateWindow, nil
}

// lockLegs waits until no other acceptance of one of the legs is in progress.
func (s *Spool) lockLegs(fingerprints [][]byte) (unlock func()) {
	keys := make([]string, 0, len(fingerprints))
	for _, f := range fingerprints {
		if f != nil {
			keys = append(keys, string(f))
		}
	}
	return store.LockAll(&s.legs, keys)
}
