package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
	"github.com/mmgw/mmgw/gateway/dsn"
	"github.com/mmgw/mmgw/gateway/verp"
)

// Expander turns an accepted leg into batches of deliveries.
type Expander struct {
	Site        Site
	Roster      gateway.Roster
	Spool       gateway.Spool
	Chains      Chains
	Planner     gateway.Planner // the [mta] outgoing module, whichever it is at each call
	VERP        *verp.Codec
	Remember    func(list gateway.ListID, member gateway.ForwardPath, token string) error                // has the roster know whom an opaque reverse-path names
	Unsubscribe func(*gateway.List) string                                                               // where members of a list leave by one click; nil, "": they do not
	Auth        *authres.Verifier                                                                        // tells outgoing handlers what is known of a post; nil: nothing
	Bounces     func(ctx context.Context, m *gateway.Message, leg *gateway.Leg) (owners bool, err error) // takes what came to a -bounces address; owners: they are to see it
	Commands    func(ctx context.Context, m *gateway.Message, leg *gateway.Leg) error                    // does what came to -join, -leave, -request or -confirm
	Held        func(ctx context.Context, m *gateway.Message, leg *gateway.Leg) error                    // tells moderators
	Reports     *Reports                                                                                 // tells senders of success who asked for that; nil: nobody does

	RecipientsMax int                                          // of one transaction
	XVERP         func(ctx context.Context, route string) bool // whether the next hop adds members to a shared reverse-path; nil: none does
	Routes        []string
	ReturnPath    func(forward string) bool // whether a backend wants Return-Path; nil: none does
	Timeout       time.Duration             // of a chain, and of a plan
	Planned       func([]gateway.Entry)
	Log           *slog.Logger
}

// ErrHeld says that a leg is held: nothing is done for it until it is released.
var ErrHeld = errors.New("held")

// Expand does what a leg needs until all of its recipients are in batches. It commits
// each step, so that after an error or a crash it goes on where it stopped. For a leg
// that is held, before or by this, it returns ErrHeld; for one that is done it does
// nothing.
func (e *Expander) Expand(ctx context.Context, entry gateway.Entry) error {
	m, err := e.Spool.Load(entry.Message)
	if err != nil {
		return err
	}
	if entry.Leg >= len(m.Legs) {
		return fmt.Errorf("message %s has no leg %d", m.ID, entry.Leg)
	}
	x := expansion{Expander: e, m: m, at: entry.Leg, leg: &m.Legs[entry.Leg], expires: entry.Expires}
	switch x.leg.Stage {
	case gateway.StageHeld:
		return ErrHeld
	case gateway.StageExpanded, gateway.StageDone:
		return nil
	}
	if x.leg.List != "" {
		if x.list, err = e.Roster.List(x.leg.List); err != nil {
			return fmt.Errorf("list %s of message %s: %w", x.leg.List, m.ID, err)
		}
	}
	err = x.route(ctx)
	if err == nil && x.leg.Stage == gateway.StageHeld {
		return ErrHeld
	}
	return err
}

// expansion is the way of one leg into batches.
type expansion struct {
	*Expander
	m       *gateway.Message
	at      int
	leg     *gateway.Leg
	list    *gateway.List
	expires time.Time
}

func (x *expansion) route(ctx context.Context) error {
	switch x.leg.Service {
	case gateway.Post:
		return x.post(ctx)
	case gateway.Bounces:
		return x.bounces(ctx)
	case gateway.Join, gateway.Leave, gateway.Request, gateway.Confirm:
		return x.serve(ctx, x.Commands)
	case gateway.Moderation:
		return x.serve(ctx, x.Held)
	case gateway.Relay:
		for _, id := range x.leg.Recipients { // the postmaster
			x.leg.Edits = slices.Concat(x.leg.Edits, deliveredTo(x.m.Envelope.Recipients[id].Path))
		}
		return x.finish(ctx, x.m.Envelope.ReversePath, x.leg.Added)
	case gateway.Forward:
		return x.finish(ctx, x.m.Envelope.ReversePath, recipientsOf(x.m, x.leg))
	}
	return x.toOwners(ctx)
}

// post has the outgoing handlers edit a post once, and plans its members batch by
// batch. The edits become durable together with the first plan, since most posts have
// one batch, or alone if planning fails.
func (x *expansion) post(ctx context.Context) error {
	decorated := x.leg.Stage == gateway.StageAccepted
	if decorated {
		if err := x.decorate(ctx); err != nil {
			return err
		}
		if x.leg.Stage != gateway.StageExpanding {
			return x.commit(ctx, *x.leg)
		}
	}
	for x.leg.Stage == gateway.StageExpanding {
		state, batches, err := x.nextBatch(ctx)
		switch {
		case err != nil && decorated:
			return errors.Join(err, x.commit(ctx, *x.leg))
		case err != nil:
			return err
		}
		if state.Stage == gateway.StageExpanded {
			// Whoever posts to a list is told of the delivery to the list only, as
			// "delivered" (RFC 3461, section 5.2.7.3; RFC 3464, section 2.3.3).
			if err := x.report(ctx, dsn.Delivered); err != nil {
				return err
			}
		}
		if err := x.commit(ctx, state, batches...); err != nil {
			return err
		}
		decorated = false
	}
	return nil
}

// decorate runs the outgoing handlers and enters what they did into x.leg. The
// caller commits it.
func (x *expansion) decorate(ctx context.Context) error {
	number, err := x.Roster.NextPost(x.list.ID)
	if err != nil {
		return err
	}
	state := *x.leg
	state.PostNumber = number
	draft, err := gateway.OpenDraft(x.m.Content, state.Edits...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, x.Timeout)
	defer cancel()
	chain := x.Chains.Outgoing(x.list)
	defer chain.end()
	r := chain.run(ctx, gateway.Exchange{
		Phase: gateway.PhaseOutgoing, Message: x.m, Leg: &state, List: x.list, Draft: draft, RouteNames: x.Routes, Auth: x.auth(ctx), Unsubscribe: x.unsubscribe(),
	}, logger(x.Log))
	switch r.action {
	case gateway.Reject, gateway.Defer:
		return r.status
	case gateway.Hold, gateway.Discard:
		return x.stop(ctx, r)
	}
	state.Edits = slices.Concat(state.Edits, r.edits, deliveredTo(x.list.Address))
	state.Handlers = append(state.Handlers, r.modules...)
	if r.route != "" {
		state.Route = r.route
	}
	state.Stage = gateway.StageExpanding
	*x.leg = state
	return nil
}

// auth checks the post again, as it came in, when a handler first asks, or a shadow
// when the call has ended.
func (x *expansion) auth(ctx context.Context) func() gateway.AuthResults {
	if x.Auth == nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	return sync.OnceValue(func() gateway.AuthResults {
		draft, err := gateway.OpenDraft(x.m.Content)
		if err != nil {
			return gateway.AuthResults{}
		}
		return x.Auth.Policy(ctx, draft.Header, x.Auth.Check(ctx, x.m, draft.Header))
	})
}

// unsubscribe is where members of the list leave by one click.
func (x *expansion) unsubscribe() string {
	if x.Unsubscribe == nil {
		return ""
	}
	return x.Unsubscribe(x.list)
}

// stop ends the way of a post that an outgoing handler holds or discards. Moderators
// are told before the commit: twice is better than never.
func (x *expansion) stop(ctx context.Context, r ruling) error {
	if r.action == gateway.Discard {
		x.leg.Stage = gateway.StageDone
		logger(x.Log).Info("discarded", messageAttrs(x.m), "list", string(x.list.ID), "handlers", r.modules)
		return nil
	}
	x.leg.Stage, x.leg.Reason = gateway.StageHeld, r.reason
	return x.Held(ctx, x.m, x.leg)
}

// commit makes a new state of the leg durable, together with the batches that were
// planned for it, and adds those to the queue.
func (x *expansion) commit(ctx context.Context, state gateway.Leg, batches ...*gateway.Batch) error {
	if err := x.Spool.Commit(ctx, gateway.Transition{Message: x.m.ID, Leg: x.at, State: &state, Batches: batches}); err != nil {
		return err
	}
	*x.leg = state
	entries := make([]gateway.Entry, len(batches))
	for i, b := range batches {
		entries[i] = batchEntry(b, x.leg.List)
	}
	if x.Planned != nil && len(entries) > 0 {
		x.Planned(entries)
	}
	return nil
}

// nextBatch has the planner address the members after the cursor. It returns
// the plan and the state of the leg with the place to go on from.
func (x *expansion) nextBatch(ctx context.Context) (gateway.Leg, []*gateway.Batch, error) {
	state := *x.leg
	members, next, err := x.Roster.Members(x.list.ID, state.Cursor, gateway.BatchRecipientsMax)
	if err != nil {
		return state, nil, err
	}
	state.Cursor = next
	if next == "" {
		state.Stage = gateway.StageExpanded
	}
	if len(members) == 0 {
		return state, nil, nil
	}
	plan, err := x.plan(ctx, members)
	if err != nil {
		return state, nil, fmt.Errorf("plan batch %d: %w", state.Batches, err)
	}
	b, err := x.batch(ctx, plan, members)
	if err != nil {
		return state, nil, err
	}
	if plan.Module != "" && !slices.Contains(state.Handlers, plan.Module) {
		state.Handlers = append(slices.Clip(state.Handlers), plan.Module)
	}
	state.Batches++
	return state, []*gateway.Batch{b}, nil
}

func (x *expansion) plan(ctx context.Context, members []gateway.Recipient) (gateway.Plan, error) {
	draft, err := gateway.OpenDraft(x.m.Content, x.leg.Edits...)
	if err != nil {
		return gateway.Plan{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, x.Timeout)
	defer cancel()
	return x.Planner.Plan(ctx, &gateway.Exchange{
		Phase: gateway.PhasePlan, Message: x.m, Leg: x.leg, List: x.list, Draft: draft, Recipients: members, RouteNames: x.Routes, Unsubscribe: x.unsubscribe(),
	})
}

// serve does what the leg of a service asks for, which ends the leg.
func (x *expansion) serve(ctx context.Context, do func(context.Context, *gateway.Message, *gateway.Leg) error) error {
	if err := do(ctx, x.m, x.leg); err != nil {
		return err
	}
	return x.done(ctx)
}

// done commits that nothing is left to do for the leg.
func (x *expansion) done(ctx context.Context) error {
	state := *x.leg
	state.Stage = gateway.StageDone
	return x.commit(ctx, state)
}

// toOwners sends mail to the owners of a list. Failures are reported to the owner of
// the site, never to the sender: the mail may itself be a bounce.
func (x *expansion) toOwners(ctx context.Context) error {
	owners := x.Site.owners(x.list)
	recipients := make([]gateway.Recipient, len(owners))
	for i, owner := range owners {
		recipients[i] = gateway.Recipient{Path: owner}
	}
	x.leg.Edits = slices.Concat(x.leg.Edits, deliveredTo(addressOf(x.m, x.leg, x.list)))
	if err := x.report(ctx, dsn.Expanded); err != nil {
		return err
	}
	return x.finish(ctx, gateway.ReversePath(x.Site.Owner), recipients)
}

func (x *expansion) bounces(ctx context.Context) error {
	owners, err := x.Bounces(ctx, x.m, x.leg)
	switch {
	case err != nil:
		return err
	case owners:
		return x.toOwners(ctx)
	}
	return x.done(ctx)
}

// finish commits the one batch of a leg that needs no planner.
func (x *expansion) finish(ctx context.Context, from gateway.ReversePath, recipients []gateway.Recipient) error {
	b := x.newBatch()
	for chunk := range chunks(recipients, min(x.RecipientsMax, gateway.BatchRecipientsMax)) {
		d := gateway.Delivery{ReversePath: from, Recipients: chunk, Route: x.leg.Route, Envelope: x.parameters()}
		if from == x.m.Envelope.ReversePath {
			d.Envelope.EnvelopeID, d.Envelope.Return = x.m.Envelope.EnvelopeID, x.m.Envelope.Return
		}
		if x.leg.Service == gateway.Forward {
			d.Route = ForwardRoute(x.leg.Forward)
			if x.ReturnPath != nil && x.ReturnPath(x.leg.Forward) {
				d.Edits = []gateway.Edit{{Op: gateway.InsertField, Name: "Return-Path", Value: from.String()}}
			}
		}
		b.Deliveries = append(b.Deliveries, d)
	}
	state := *x.leg
	state.Stage = gateway.StageExpanded
	state.Batches++
	return x.commit(ctx, state, b)
}

// ForwardRoute is the Delivery.Route of a forward route: apart from the names
// that handlers may choose.
func ForwardRoute(name string) string { return "forward " + name }
