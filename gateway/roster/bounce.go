package roster

import (
	"errors"
	"fmt"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// BouncedBytesMax is how much of a member's last bounce is kept. That has room for the
// notice and the header of what came back; a hundred thousand members may have one.
const BouncedBytesMax = 8 << 10

func bouncePrefix(id gateway.ListID) []byte { return store.RosterBounces.Key([]byte(id), []byte{0}) }

func disabledPrefix(id gateway.ListID) []byte {
	return store.RosterDisabled.Key([]byte(id), []byte{0})
}

// index adds to b what makes the keys for bounces agree with the member's record.
func (m *member) index(b *store.Batch, id gateway.ListID) {
	key := m.row.Path.Key()
	if m.row.Bounce.Count == 0 {
		b.Delete(append(bouncePrefix(id), key...))
	}
	if m.row.Bounce.Disabled {
		b.Set(append(disabledPrefix(id), key...), nil)
	} else {
		b.Delete(append(disabledPrefix(id), key...))
	}
}

// KeepBounced keeps the start of a member's last bounce, to show it in notices. It does
// not wait for a sync: the change of the member's score that follows makes it durable.
func (r *Roster) KeepBounced(id gateway.ListID, path gateway.ForwardPath, message []byte) error {
	var b store.Batch
	b.Set(append(bouncePrefix(id), path.Key()...), message[:min(len(message), BouncedBytesMax)])
	if err := r.db.CommitLater(&b); err != nil {
		return fmt.Errorf("keep a bounce of %s: %w", path, err)
	}
	return nil
}

// Bounced is what KeepBounced kept of a member's last bounce, or nil.
func (r *Roster) Bounced(id gateway.ListID, path gateway.ForwardPath) ([]byte, error) {
	message, err := r.db.Get(append(bouncePrefix(id), path.Key()...))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return message, err
}

// BounceDisabled returns up to limit members of a list that were disabled by bounces,
// starting after the cursor after, and the cursor to continue with: "" at the end.
func (r *Roster) BounceDisabled(id gateway.ListID, after gateway.Cursor, limit int) (paths []gateway.ForwardPath, next gateway.Cursor, err error) {
	prefix := disabledPrefix(id)
	for item, err := range r.db.Prefix(prefix, append(disabledPrefix(id), after...)) {
		if err != nil {
			return nil, "", fmt.Errorf("bouncing members of %s: %w", id, err)
		}
		key := string(item.Key[len(prefix):])
		if len(paths) == limit {
			return paths, next, nil
		}
		paths, next = append(paths, gateway.ForwardPath(key)), gateway.Cursor(key)
	}
	return paths, "", nil
}
