package roster

import (
	"context"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// SetForwards replaces the forward domains, which are given by the name of their route.
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

// The kinds of domains.
const (
	KindForward = "forward"
	KindList    = "list"   // the MTA knows lists by it
	KindPublic  = "public" // only of lists that the MTA knows by an alias domain
)

// DomainKind is the kind of a domain, which is in lower case; "" if it is not ours. Lists
// that accept no mail do not count.
func (r *Roster) DomainKind(name string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.forwards[name] != "" {
		return KindForward
	}
	for _, kind := range []string{KindList, KindPublic} {
		if r.lists.domains[domain{name, kind}] > 0 {
			return kind
		}
	}
	return ""
}

// errUnreadList is the answer for an address that may be that of a list whose record is
// damaged: the MTA keeps the mail until that is repaired.
var errUnreadList = &gateway.Status{
	Code: 451, Enhanced: gateway.EnhancedCode{4, 3, 0}, Text: "the records of this list cannot be read now",
}

// Resolve implements gateway.Roster, with the rules of GNU Mailman: case does not matter;
// what follows the first delimiter is a detail, not part of the name of a list; a list with
// exactly that name comes before the service of a list with a shorter name. A list comes
// before a forward domain. An address that may be of a list whose record cannot be read is
// deferred. Resolve does not read the disk.
func (r *Roster) Resolve(_ context.Context, path gateway.ForwardPath) (gateway.Route, error) {
	domain := strings.ToLower(path.Domain())
	r.mu.RLock()
	defer r.mu.RUnlock()
	if found, err := r.resolveList(path.Local(), domain); found.List != nil || err != nil {
		return found, err
	}
	if name, ok := r.forwards[domain]; ok {
		return gateway.Route{Service: gateway.Forward, Forward: name}, nil
	}
	return gateway.Route{}, gateway.ErrUnknownRecipient
}

// nameDelimiter is the one delimiter that names of lists may contain too. With it, only
// -bounces and -confirm have details, and of several possible names the longest counts.
const nameDelimiter = "-"

// resolveList finds the list of an address. The Route is empty if there is none.
func (r *Roster) resolveList(local, domain string) (gateway.Route, error) {
	if r.delimiter != nameDelimiter {
		name, detail, _ := strings.Cut(local, r.delimiter)
		return r.lists.service(strings.ToLower(name), domain, detail, false)
	}
	found, err := r.lists.service(strings.ToLower(local), domain, "", false)
	for at := len(local); found.List == nil && err == nil && at > 0; {
		if at = strings.LastIndex(local[:at], nameDelimiter); at > 0 {
			found, err = r.lists.service(strings.ToLower(local[:at]), domain, local[at+1:], true)
		}
	}
	return found, err
}

// service finds the list whose name with a suffix is local, which is in lower case. The
// Route is empty if there is none. If detailed, only suffixes that have details count.
func (d *directory) service(local, domain, detail string, detailed bool) (gateway.Route, error) {
	for _, suffix := range gateway.Suffixes {
		name, ok := strings.CutSuffix(local, suffix.Text)
		if !ok || name == "" || detailed && !suffix.Detail {
			continue
		}
		if found := d.byAddress[name+"@"+domain]; found != nil {
			return route(found.list, suffix, detail), nil
		}
		if len(d.unread) > 0 && d.unread[gateway.NewListID(gateway.ForwardPath(name+"@"+domain))] {
			return gateway.Route{}, errUnreadList
		}
	}
	return gateway.Route{}, nil
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
	return slices.ContainsFunc(paths, func(path gateway.ForwardPath) bool { return path.Key() == key })
}
