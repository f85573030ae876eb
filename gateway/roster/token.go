package roster

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

func tokenPrefix(id gateway.ListID) []byte { return store.RosterTokens.Key([]byte(id), []byte{0}) }

// Remember remembers for MemberByToken whom a token of a list stands for. It does not wait
// for a sync: the commit of the plan that uses the token makes it durable.
func (r *Roster) Remember(id gateway.ListID, path gateway.ForwardPath, token string) error {
	key := append(tokenPrefix(id), strings.ToLower(token)...)
	if _, err := r.db.Get(key); err == nil {
		return nil
	}
	w := store.NewWriter(recordVersion)
	w.String(string(path))
	var b store.Batch
	b.Set(key, w.Record())
	if err := r.db.CommitLater(&b); err != nil {
		return fmt.Errorf("remember a member of %s: %w", id, err)
	}
	return nil
}

// MemberByToken returns the address for a remembered token, in any case of letters, even
// if that is no longer a member. The error is ErrUnknownMember if the token is unknown.
func (r *Roster) MemberByToken(id gateway.ListID, token string) (gateway.ForwardPath, error) {
	record, err := r.db.Get(append(tokenPrefix(id), strings.ToLower(token)...))
	if errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("token %q: %w of %s", gateway.Printable(token), ErrUnknownMember, gateway.Printable(string(id)))
	}
	if err != nil {
		return "", err
	}
	reader := store.NewReader(record, recordVersion)
	path := gateway.ForwardPath(reader.String())
	if err := reader.End(); err != nil {
		return "", fmt.Errorf("token of %s: %w", id, err)
	}
	return path, nil
}
