package roster

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// Suppression keeps posts of all lists from an address.
type Suppression struct {
	Path    gateway.ForwardPath
	Reason  string // for people
	Added   time.Time
	Expires time.Time // zero: never
}

// HasEnded says whether the suppression has expired.
func (s *Suppression) HasEnded(now time.Time) bool {
	return !s.Expires.IsZero() && !now.Before(s.Expires)
}

// ErrNotSuppressed says that an address is not on the suppression list.
var ErrNotSuppressed = errors.New("the address is not suppressed")

func suppressionKey(key string) []byte { return store.RosterSuppressed.Key([]byte(key)) }

// Suppress puts addresses on the suppression list, or replaces their entries. It commits
// MembersPerCommitMax at a time.
func (r *Roster) Suppress(all []Suppression) error {
	for len(all) > 0 {
		n := min(len(all), MembersPerCommitMax)
		var b store.Batch
		for _, s := range all[:n] {
			w := store.NewWriter(recordVersion)
			w.String(string(s.Path))
			w.String(s.Reason[:min(len(s.Reason), textBytesMax)])
			w.Time(s.Added)
			w.Time(s.Expires)
			b.Set(suppressionKey(s.Path.Key()), w.Record())
		}
		if err := r.db.Commit(&b); err != nil {
			return fmt.Errorf("suppress addresses: %w", err)
		}
		all = all[n:]
	}
	return nil
}

// Unsuppress removes an address from the suppression list. The error is ErrNotSuppressed
// if it is not there.
func (r *Roster) Unsuppress(path gateway.ForwardPath) error {
	key := suppressionKey(path.Key())
	if _, err := r.db.Get(key); errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%s: %w", path, ErrNotSuppressed)
	}
	var b store.Batch
	b.Delete(key)
	if err := r.db.Commit(&b); err != nil {
		return fmt.Errorf("unsuppress %s: %w", path, err)
	}
	return nil
}

// Suppressions returns up to limit entries of the suppression list in the order of their
// addresses, starting after the cursor after, and the cursor to continue with: "" at the
// end.
func (r *Roster) Suppressions(after gateway.Cursor, limit int) (all []Suppression, next gateway.Cursor, err error) {
	prefix := store.RosterSuppressed.Key()
	for item, err := range r.db.Prefix(prefix, suppressionKey(string(after))) {
		if err != nil {
			return nil, "", fmt.Errorf("suppression list: %w", err)
		}
		if len(all) == limit {
			return all, gateway.Cursor(all[limit-1].Path.Key()), nil
		}
		s, err := decodeSuppression(item.Value)
		if err != nil {
			return nil, "", fmt.Errorf("suppression of %q: %w", gateway.Printable(string(bytes.TrimPrefix(item.Key, prefix))), err)
		}
		all = append(all, s)
	}
	return all, "", nil
}

func decodeSuppression(record []byte) (s Suppression, err error) {
	r := store.NewReader(record, recordVersion)
	s = Suppression{Path: gateway.ForwardPath(r.String()), Reason: r.String(), Added: r.Time(), Expires: r.Time()}
	return s, r.End()
}

// Suppressed returns a function that says whether an address is suppressed at now. One
// whose record is damaged is. If the suppression list is empty nothing is looked up.
func (r *Roster) Suppressed(now time.Time) func(gateway.ForwardPath) bool {
	for range r.db.Prefix(store.RosterSuppressed.Key(), nil) {
		return func(path gateway.ForwardPath) bool { return r.isSuppressed(path.Key(), now) }
	}
	return func(gateway.ForwardPath) bool { return false }
}

func (r *Roster) isSuppressed(key string, now time.Time) bool {
	record, err := r.db.Get(suppressionKey(key))
	if err != nil {
		return !errors.Is(err, store.ErrNotFound)
	}
	s, err := decodeSuppression(record)
	return err != nil || !s.HasEnded(now)
}
