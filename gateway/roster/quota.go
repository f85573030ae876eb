package roster

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/mmgw/mmgw/gateway/store"
)

// QuotaWindow is how long a quota lasts, from the first time that it is used.
const QuotaWindow = 24 * time.Hour

// Quota bounds how often something happens within QuotaWindow.
type Quota struct {
	Key string // what is counted, of any length
	Max int
}

// quotaKeyBytes is long enough that two keys never collide.
const quotaKeyBytes = 16

func (q Quota) key() []byte {
	sum := sha256.Sum256([]byte(q.Key))
	return store.RosterQuotas.Key(sum[:quotaKeyBytes])
}

// Take takes one from each quota. If one of them is used up it takes none and returns
// false. A crash may give back what was just taken.
func (r *Roster) Take(now time.Time, quotas ...Quota) (bool, error) {
	r.quotas.Lock()
	defer r.quotas.Unlock()
	var b store.Batch
	if err := r.purge(&b, now); err != nil {
		return false, err
	}
	for _, q := range quotas {
		begun, used, err := r.used(q, now)
		switch {
		case err != nil:
			return false, fmt.Errorf("count by quota: %w", err)
		case used >= q.Max:
			return false, nil
		}
		b.Set(q.key(), encodeQuota(begun, used+1))
	}
	if err := r.db.CommitLater(&b); err != nil {
		return false, fmt.Errorf("count by quota: %w", err)
	}
	return true, nil
}

// Left says whether none of the quotas is used up. It takes nothing.
func (r *Roster) Left(now time.Time, quotas ...Quota) (bool, error) {
	for _, q := range quotas {
		if _, used, err := r.used(q, now); err != nil || used >= q.Max {
			return false, err
		}
	}
	return true, nil
}

// GiveBack undoes a Take.
func (r *Roster) GiveBack(now time.Time, quotas ...Quota) error {
	r.quotas.Lock()
	defer r.quotas.Unlock()
	var b store.Batch
	for _, q := range quotas {
		begun, used, err := r.used(q, now)
		switch {
		case err != nil:
			return fmt.Errorf("count by quota: %w", err)
		case used > 1:
			b.Set(q.key(), encodeQuota(begun, used-1))
		default:
			b.Delete(q.key())
		}
	}
	return r.db.CommitLater(&b)
}

// used is how much of a quota was used, and when its window began. A damaged record counts
// as none. Setting the clock back does not end a window, unless it goes back by more than
// one: it must have been far ahead.
func (r *Roster) used(q Quota, now time.Time) (begun time.Time, used int, err error) {
	record, err := r.db.Get(q.key())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return now, 0, nil
	case err != nil:
		return now, 0, err
	}
	if begun, used, err = decodeQuota(record); err != nil || now.Sub(begun).Abs() >= QuotaWindow {
		return now, 0, nil
	}
	return begun, used, nil
}

func encodeQuota(begun time.Time, used int) []byte {
	w := store.NewWriter(recordVersion)
	w.Time(begun)
	w.Uint(uint64(used))
	return w.Record()
}

func decodeQuota(record []byte) (begun time.Time, used int, err error) {
	r := store.NewReader(record, recordVersion)
	begun, used = r.Time(), int(min(r.Uint(), 1<<30))
	return begun, used, r.End()
}

// purge adds the removal of expired tokens and quotas to b, once a day. The caller holds
// r.quotas. If it does not commit b they stay for another day.
func (r *Roster) purge(b *store.Batch, now time.Time) error {
	if now.Sub(r.purged).Abs() < QuotaWindow {
		return nil
	}
	r.purged = now
	expire := func(space store.Space, isExpired func(record []byte) bool) error {
		for item, err := range r.db.Prefix(space.Key(), nil) {
			if err != nil {
				return fmt.Errorf("remove expired tokens and quotas: %w", err)
			}
			if isExpired(item.Value) {
				b.Delete(bytes.Clone(item.Key))
			}
		}
		return nil
	}
	err := expire(store.RosterPending, func(record []byte) bool {
		p, err := decodePending(record)
		return err != nil || now.After(p.Expires)
	})
	return errors.Join(err, expire(store.RosterQuotas, func(record []byte) bool {
		begun, _, err := decodeQuota(record)
		return err != nil || now.Sub(begun).Abs() >= QuotaWindow
	}))
}
