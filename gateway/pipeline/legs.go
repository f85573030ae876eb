package pipeline

import (
	"context"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// resolver says what an address stands for, as gateway.Roster does.
type resolver func(context.Context, gateway.ForwardPath) (gateway.Route, error)

// resolve asks the roster, and knows the postmaster of the gateway itself, whom every
// mail server must have (RFC 5321, section 4.5.1). Mail for the postmaster belongs to
// no list: it goes on to the owner of the site.
func (in *Intake) resolve(ctx context.Context, path gateway.ForwardPath) (gateway.Route, error) {
	route, err := in.Roster.Resolve(ctx, path)
	if err != nil && in.Site.Owner != "" && gateway.AsStatus(err).Class() == gateway.Permanent && in.Site.isPostmaster(path) {
		return gateway.Route{Service: gateway.Relay}, nil
	}
	return route, err
}

func (s *Site) isPostmaster(path gateway.ForwardPath) bool {
	return strings.EqualFold(string(path), "postmaster@"+s.Hostname)
}

// split sorts the recipients of an envelope into legs: one for each service of
// each list, and one for each forward route, in the order of their first
// recipients. A recipient that cannot be resolved gets its Status in refused.
func split(ctx context.Context, resolve resolver, recipients []gateway.Recipient, refused []*gateway.Status) ([]gateway.Leg, []*gateway.List) {
	var legs []gateway.Leg
	var lists []*gateway.List
	index := map[legKey]int{}
	for i, recipient := range recipients {
		route, err := resolve(ctx, recipient.Path)
		if err != nil {
			refused[i] = gateway.AsStatus(err)
			continue
		}
		key := keyOf(route)
		at, known := index[key]
		if !known {
			at = len(legs)
			index[key] = at
			legs = append(legs, gateway.Leg{Service: key.service, List: key.list, Forward: key.forward})
			lists = append(lists, route.List)
		}
		legs[at].Recipients = append(legs[at].Recipients, gateway.RecipientID(i))
		legs[at].Details = append(legs[at].Details, route.Detail)
	}
	return legs, lists
}

type legKey struct {
	service gateway.Service
	list    gateway.ListID
	forward string
}

func keyOf(r gateway.Route) legKey {
	key := legKey{service: r.Service, forward: r.Forward}
	if r.List != nil {
		key.list = r.List.ID
	}
	return key
}

// recipientsOf are the recipients of a leg: those of the envelope, then those
// that handlers added.
func recipientsOf(m *gateway.Message, leg *gateway.Leg) []gateway.Recipient {
	return append(m.RecipientsOf(leg), leg.Added...)
}

// addressOf is the address of a list that the mail of a leg came to, the first one
// where there are several.
func addressOf(m *gateway.Message, leg *gateway.Leg, list *gateway.List) gateway.ForwardPath {
	if recipients := recipientsOf(m, leg); leg.Service != gateway.Post && len(recipients) > 0 {
		return recipients[0].Path
	}
	return list.Address
}

// hasChain says whether incoming handlers see mail for a service. Bounces and
// confirmations are left out: a reject there would bounce a bounce.
func hasChain(s gateway.Service) bool {
	return s != gateway.Bounces && s != gateway.Confirm && s != gateway.Relay
}
