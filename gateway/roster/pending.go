package roster

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// Pending is what is to be done when its token comes back: somebody joins or leaves a list,
// or a held post goes on.
type Pending struct {
	Purpose string // what is to be done, in words of the caller
	List    gateway.ListID
	Member  gateway.Recipient // whom it is about; only Path and Name are kept
	Message gateway.QueueID   // which message it is about, or 0
	Expires time.Time
}

// ErrNotPending says that nothing waits for a token: it was never known, it was used, or
// it has expired.
var ErrNotPending = errors.New("nothing waits for this token")

func pendingKey(token string) []byte { return store.RosterPending.Key([]byte(strings.ToLower(token))) }

// AddPending keeps what tokens stand for, durably. If it has a token already it replaces
// what that stood for.
func (r *Roster) AddPending(now time.Time, pending map[string]Pending) error {
	var b store.Batch
	for token, p := range pending {
		w := store.NewWriter(recordVersion)
		w.Time(p.Expires)
		w.String(p.Purpose)
		w.String(string(p.List))
		w.String(string(p.Member.Path))
		w.String(p.Member.Name)
		w.Uint(uint64(p.Message))
		b.Set(pendingKey(token), w.Record())
	}
	r.quotas.Lock()
	err := r.purge(&b, now)
	r.quotas.Unlock()
	if err != nil {
		return err
	}
	if err := r.db.Commit(&b); err != nil {
		return fmt.Errorf("keep what a token stands for: %w", err)
	}
	return nil
}

// Pending returns what a token stands for, in any case of letters, or
// ErrNotPending.
func (r *Roster) Pending(token string, now time.Time) (Pending, error) {
	record, err := r.db.Get(pendingKey(token))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Pending{}, ErrNotPending
	case err != nil:
		return Pending{}, fmt.Errorf("look a token up: %w", err)
	}
	p, err := decodePending(record)
	switch {
	case err != nil:
		return Pending{}, fmt.Errorf("look a token up: %w", err)
	case now.After(p.Expires):
		return Pending{}, ErrNotPending
	}
	return p, nil
}

// EndPending forgets tokens whose work is done. A crash may bring them back.
func (r *Roster) EndPending(tokens ...string) error {
	var b store.Batch
	for _, token := range tokens {
		b.Delete(pendingKey(token))
	}
	return r.db.CommitLater(&b)
}

func decodePending(record []byte) (Pending, error) {
	r := store.NewReader(record, recordVersion)
	p := Pending{Expires: r.Time(), Purpose: r.String(), List: gateway.ListID(r.String())}
	p.Member.Path, p.Member.Name = gateway.ForwardPath(r.String()), r.String()
	p.Message = gateway.QueueID(r.Uint())
	return p, r.End()
}
