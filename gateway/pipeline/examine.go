package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mmgw/mmgw/gateway"
)

// additionsMax is how many recipients the handlers of one message may add, so
// that a module cannot turn one message into a flood.
const additionsMax = 100

// examination is the ruling on one message, leg by leg.
type examination struct {
	in      *Intake
	m       *gateway.Message
	draft   *gateway.Draft // with trace applied
	auth    gateway.AuthResults
	policy  func() gateway.AuthResults // auth, and what is looked up only when a handler asks
	trace   []gateway.Edit
	author  gateway.ReversePath
	replies []*gateway.Status

	added bool // these are legs of added recipients, which may add no more

	roleless atomic.Pointer[gateway.Status] // why a role that a handler asked for could not be looked up
}

// leg has the handlers and the posting policy rule on one leg, and adds what is left of
// it to the message.
func (e *examination) leg(ctx context.Context, leg gateway.Leg, list *gateway.List) {
	toPostmaster := leg.Service == gateway.Relay // all other mail of this service is our own
	if toPostmaster {
		// The mail goes on to another address, and its sender is to be told the same
		// things (RFC 3461, section 5.2.7.1).
		owner := e.m.Envelope.Recipients[leg.Recipients[0]]
		owner.Path = e.in.Site.Owner
		leg.Added = []gateway.Recipient{owner}
	}
	if (toPostmaster || list != nil && hasChain(leg.Service)) && isLoop(e.draft.Header, leg.Service, list, addressOf(e.m, &leg, list)) {
		e.reply(leg, errLoop)
		return
	}
	x := gateway.Exchange{
		Phase: gateway.PhaseIncoming, Message: e.m, Leg: &leg, List: list, Draft: e.draft,
		Recipients: recipientsOf(e.m, &leg), RouteNames: e.in.Routes, Auth: e.policy,
	}
	if list != nil {
		x.SenderRole = sync.OnceValue(func() string { return e.role(list.ID) })
	}
	if leg.Service == gateway.Post {
		e.post(ctx, leg, x)
		return
	}
	var r ruling
	if hasChain(leg.Service) {
		r = e.rule(ctx, e.in.Chains.Incoming(list), x)
	}
	e.enter(ctx, leg, r)
}

// post has the handlers rule on a post, and then the policy of its list, which sees the
// post as they changed it.
func (e *examination) post(ctx context.Context, leg gateway.Leg, x gateway.Exchange) {
	before, err := e.before(leg.List)
	if err != nil {
		e.reply(leg, gateway.AsStatus(err))
		return
	}
	x.Duplicate = before.ID
	r := e.rule(ctx, e.in.Chains.Incoming(x.List), x)
	if r.action != gateway.Continue {
		e.enter(ctx, leg, r)
		return
	}
	reason, err := e.isFlood(before)
	switch {
	case err != nil:
		e.reply(leg, gateway.AsStatus(err))
		return
	case reason != "":
		e.endFlood(ctx, leg, r, reason)
		return
	}
	x.Draft = e.draft.Clone()
	if err := x.Draft.Apply(r.edits...); err != nil {
		e.reply(leg, gateway.AsStatus(err))
		return
	}
	r.followedBy(e.rule(ctx, e.in.Chains.Policy(x.List), x))
	e.enter(ctx, leg, r)
}

// role is what the sender is in a list. If that cannot be found out it is "", and rule
// is told why. It is atomic because shadows may still ask after the ruling.
func (e *examination) role(list gateway.ListID) string {
	role, err := roleOf(e.in.Roster, list, e.m.Envelope.ReversePath, e.author)
	if err != nil {
		e.roleless.Store(gateway.AsStatus(err))
	}
	return role
}

func (e *examination) rule(ctx context.Context, chain Chain, x gateway.Exchange) ruling {
	r := e.in.rule(ctx, chain, x)
	if status := e.roleless.Swap(nil); status != nil { // a handler ruled without it: the MTA is to try again
		return ruling{action: gateway.Defer, status: status, modules: r.modules}
	}
	e.in.Rejects.soften(&r, isAuthenticated(e.auth, e.author))
	return r
}

// enter turns a ruling into replies and legs.
func (e *examination) enter(ctx context.Context, leg gateway.Leg, r ruling) {
	leg.Handlers, leg.Route = r.modules, r.route
	leg.Edits = slices.Concat(e.trace, r.edits)
	if len(r.modules) > 0 && !r.passes() { // else the record of the message names them
		logger(e.in.Log).Info("handled", messageAttrs(e.m), "list", leg.Whose(), "service", string(leg.Service),
			"action", r.action.String(), "modules", strings.Join(r.modules, " "))
	}
	switch r.action {
	case gateway.Reject, gateway.Defer:
		e.reply(leg, r.status)
		return
	case gateway.Discard:
		e.keep(leg, r.discarded(leg)) // but not whom an earlier handler refused or held
		return
	case gateway.Hold:
		leg.Stage, leg.Reason = gateway.StageHeld, r.reason
	}
	if err := e.add(ctx, leg, r.added); err != nil {
		e.reply(leg, gateway.AsStatus(err))
		return
	}
	e.keep(leg, r)
}

// passes says whether the whole leg goes on.
func (r ruling) passes() bool {
	return r.action == gateway.Continue && len(r.refused)+len(r.dropped)+len(r.held) == 0
}

// discarded is the ruling with every recipient of leg dropped that is not
// refused or held.
func (r ruling) discarded(leg gateway.Leg) ruling {
	r.dropped = map[gateway.RecipientID]bool{}
	for _, id := range leg.Recipients {
		r.dropped[id] = true
	}
	return r
}

// keep adds a leg with the recipients that the ruling left in it, and another one with
// those that it holds.
func (e *examination) keep(leg gateway.Leg, r ruling) {
	kept, held := leg, leg
	kept.Recipients, kept.Details, held.Recipients, held.Details = nil, nil, nil, nil
	for i, id := range leg.Recipients {
		switch {
		case r.refused[id] != nil:
			e.replies[id] = r.refused[id]
		case r.held[id]:
			held.Recipients, held.Details = append(held.Recipients, id), append(held.Details, leg.Details[i])
		case !r.dropped[id]:
			kept.Recipients, kept.Details = append(kept.Recipients, id), append(kept.Details, leg.Details[i])
		}
	}
	held.Stage, held.Reason = gateway.StageHeld, "held by a handler"
	for _, l := range []gateway.Leg{kept, held} {
		if len(l.Recipients) > 0 {
			e.m.Legs = append(e.m.Legs, l)
			e.tellModerators(l)
		}
	}
}

// tellModerators adds the leg that tells the moderators that a leg is held, one for
// each list.
func (e *examination) tellModerators(held gateway.Leg) {
	told := slices.ContainsFunc(e.m.Legs, func(l gateway.Leg) bool { return l.Service == gateway.Moderation && l.List == held.List })
	if held.Stage == gateway.StageHeld && held.List != "" && !told {
		e.m.Legs = append(e.m.Legs, moderation(held))
	}
}

// add makes legs for recipients that handlers added. Those of lists and forward domains
// are examined like any other leg, but cannot add recipients themselves. The others,
// which the sandbox allows only with the capability "relay", go to the upstream MTA.
func (e *examination) add(ctx context.Context, from gateway.Leg, added []gateway.Recipient) error {
	if len(added) == 0 {
		return nil
	}
	if e.added || len(added) > additionsMax {
		return fmt.Errorf("handlers add recipients to an added recipient, or more than %d", additionsMax)
	}
	relayed := gateway.Leg{Service: gateway.Relay, Edits: from.Edits, Handlers: from.Handlers}
	var local []gateway.Recipient
	for _, recipient := range added {
		if _, err := e.in.Roster.Resolve(ctx, recipient.Path); err == nil {
			local = append(local, recipient)
		} else {
			relayed.Added = append(relayed.Added, recipient)
		}
	}
	if err := e.addLocal(ctx, local); err != nil {
		return err // and relays nothing: the whole message will come again
	}
	if len(relayed.Added) > 0 {
		e.m.Legs = append(e.m.Legs, relayed)
	}
	return nil
}

// addLocal examines added recipients that are ours. They are not in the envelope, so
// there is no reply for them.
func (e *examination) addLocal(ctx context.Context, local []gateway.Recipient) error {
	if len(local) == 0 {
		return nil
	}
	legs, lists := split(ctx, e.in.Roster.Resolve, local, make([]*gateway.Status, len(local)))
	m := *e.m
	m.Envelope.Recipients = local
	inner := examination{in: e.in, m: &m, draft: e.draft, auth: e.auth, policy: e.policy, trace: e.trace, author: e.author, replies: make([]*gateway.Status, len(local)), added: true}
	m.Legs = nil
	for i := range legs {
		inner.leg(ctx, legs[i], lists[i])
	}
	for _, status := range inner.replies {
		if status != nil && status.Class() == gateway.Transient {
			return status
		}
	}
	for _, leg := range m.Legs {
		for _, id := range leg.Recipients {
			leg.Added = append(leg.Added, local[id])
		}
		leg.Recipients = nil
		e.m.Legs = append(e.m.Legs, leg)
	}
	return nil
}

func (e *examination) reply(leg gateway.Leg, status *gateway.Status) {
	for _, id := range leg.Recipients {
		e.replies[id] = status
	}
}
