package roster

import (
	"context"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// SetForwards replaces the forward domains: of each route's name, its domains.
func (r *Roster) SetForwards(domains map[string][]string) {
	forwards := map[string]string{}
	for name, all := range domains {
		for _, domain := range all {
			forwards[strings.ToLower(domain)] = name
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forwards = forwards
}

// Resolve implements gateway.Roster as GNU Mailman does: upper and lower case
// are the same; what stands behind the first delimiter is a detail, and no
// part of a list's name; a list of that very name comes before the service of
// a shorter one. A list comes before a forward domain. It reads no disk.
func (r *Roster) Resolve(_ context.Context, path gateway.ForwardPath) (gateway.Route, error) {
	local, detail, _ := strings.Cut(path.Local(), r.delimiter)
	domain := strings.ToLower(path.Domain())
	local = strings.ToLower(local)
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, suffix := range gateway.Suffixes {
		name, ok := strings.CutSuffix(local, suffix.Text)
		if !ok || name == "" {
			continue
		}
		if l := r.lists.byAddress[name+"@"+domain]; l != nil {
			return route(l.list, suffix, detail), nil
		}
	}
	if name, ok := r.forwards[domain]; ok {
		return gateway.Route{Service: gateway.Forward, Forward: name}, nil
	}
	return gateway.Route{}, gateway.ErrUnknownRecipient
}

func route(list *gateway.List, suffix gateway.Suffix, detail string) gateway.Route {
	if !suffix.Detail {
		detail = ""
	}
	return gateway.Route{Service: suffix.Service, List: list, Detail: detail}
}

// The roles that Role returns.
const (
	RoleOwner     = "owner"
	RoleModerator = "moderator"
	RoleMember    = "member"
	RoleNone      = "none"
)

// Role implements gateway.Roster. A member whose delivery is disabled is a
// member; one that left is not.
func (r *Roster) Role(id gateway.ListID, path gateway.ReversePath) (string, error) {
	l, err := r.listing(id)
	if err != nil {
		return "", err
	}
	if path.IsNull() {
		return RoleNone, nil
	}
	key := gateway.ForwardPath(path).Key()
	switch {
	case isAmong(key, l.list.Owners):
		return RoleOwner, nil
	case isAmong(key, l.list.Moderators):
		return RoleModerator, nil
	}
	m, err := r.find(l, key)
	switch {
	case err != nil:
		return "", err
	case m.isMember():
		return RoleMember, nil
	}
	return RoleNone, nil
}

func isAmong(key string, paths []gateway.ForwardPath) bool {
	for _, path := range paths {
		if path.Key() == key {
			return true
		}
	}
	return false
}
