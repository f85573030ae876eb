package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"

	"github.com/mmgw/mmgw/gateway"
)

// OnError says what becomes of a leg whose handler failed.
type OnError string

// The values of on_error.
const (
	OnErrorDefer  OnError = "defer"  // 451: the MTA keeps the message; also what "" means
	OnErrorReject OnError = "reject" // 554
	OnErrorAccept OnError = "accept" // as if the handler were not there, logged every time
)

// Step is one handler of a chain.
type Step struct {
	Name    string // of the plugin
	Module  string // name@digest, kept with each message that it handled
	Handler gateway.Handler
	OnError OnError
	Release func() // called once, when the chain has ended; nil: nothing is held for it
}

// Chain is the handlers of a leg in the order in which they run.
type Chain []Step

// end releases what is held for the steps. The chain does not run again.
func (c Chain) end() {
	for _, step := range c {
		if step.Release != nil {
			step.Release()
		}
	}
}

// ruling is what a chain decided about a leg.
type ruling struct {
	action  gateway.Action  // Continue, Reject, Defer, Discard or Hold
	status  *gateway.Status // of Reject and Defer
	reason  string          // of Hold
	edits   []gateway.Edit
	refused map[gateway.RecipientID]*gateway.Status // single recipients, while the leg goes on
	dropped map[gateway.RecipientID]bool            // recipients that are accepted and not delivered to
	held    map[gateway.RecipientID]bool
	added   []gateway.Recipient
	route   string
	modules []string
}

// followedBy adds the ruling of the next chain to one that let the leg pass.
func (r *ruling) followedBy(next ruling) {
	r.action, r.status, r.reason = next.action, next.status, next.reason
	r.edits = append(r.edits, next.edits...)
	r.added = append(r.added, next.added...)
	r.modules = append(r.modules, next.modules...)
	if next.route != "" {
		r.route = next.route
	}
	r.refused = joined(r.refused, next.refused)
	r.dropped = joined(r.dropped, next.dropped)
	r.held = joined(r.held, next.held)
}

// joined is a map with what is in either.
func joined[V any](a, b map[gateway.RecipientID]V) map[gateway.RecipientID]V {
	if len(a) == 0 {
		return b
	}
	maps.Copy(a, b)
	return a
}

// run calls the steps one after another, each on what the ones before left.
// x.Draft is changed; the caller's other parts of x are not.
func (c Chain) run(ctx context.Context, x gateway.Exchange, log *slog.Logger) ruling {
	var r ruling
	for _, step := range c {
		r.modules = append(r.modules, step.Module)
		verdict, err := step.Handler.Handle(ctx, &x)
		if err == nil && x.Draft != nil {
			err = applyAll(&x, verdict.Edits)
		}
		if err != nil {
			if stop := r.fail(ctx, step, x.Message, err, log); stop {
				return r
			}
			continue
		}
		if verdict.Module != "" {
			r.modules[len(r.modules)-1] = verdict.Module
		}
		if stop := r.take(&x, step, verdict); stop {
			return r
		}
		r.narrow(&x)
	}
	return r
}

// narrow hides the recipients that are already ruled on from the next handler.
func (r *ruling) narrow(x *gateway.Exchange) {
	if len(r.refused)+len(r.dropped)+len(r.held) == 0 {
		return
	}
	leg := *x.Leg
	leg.Recipients, leg.Details = nil, nil
	var left []gateway.Recipient
	for i, id := range x.Leg.Recipients {
		if r.refused[id] == nil && !r.dropped[id] && !r.held[id] {
			leg.Recipients = append(leg.Recipients, id)
			leg.Details = append(leg.Details, x.Leg.Details[i])
			left = append(left, x.Recipients[i])
		}
	}
	x.Leg, x.Recipients = &leg, left
}

// applyAll replaces x.Draft by one with the edits, or leaves it as it was.
func applyAll(x *gateway.Exchange, edits []gateway.Edit) error {
	if len(edits) == 0 {
		return nil
	}
	draft := x.Draft.Clone()
	if err := draft.Apply(edits...); err != nil {
		return err
	}
	x.Draft = draft
	return nil
}

// take enters a verdict into the ruling and says whether the chain ends.
func (r *ruling) take(x *gateway.Exchange, step Step, v gateway.Verdict) (stop bool) {
	if x.Phase == gateway.PhaseOutgoing {
		v.Action = afterReply(v.Action, x.Leg.Released)
	}
	r.edits = append(r.edits, v.Edits...)
	r.added = append(r.added, v.Added...)
	for id, d := range v.Recipients {
		r.dispose(x, id, d)
	}
	if v.Route != "" {
		r.route = v.Route
	}
	switch v.Action {
	case gateway.Continue:
		return false
	case gateway.Accept:
		return true
	case gateway.Hold:
		r.reason = "held by handler " + step.Name
		if v.Status != nil {
			r.reason += ": " + v.Status.Text
		}
	}
	r.action, r.status = v.Action, v.Status
	return true
}

// afterReply is what an action means for a post that is accepted already: it can only
// be held instead of refused, and a moderator who released it has the last word.
func afterReply(a gateway.Action, released bool) gateway.Action {
	if a == gateway.Reject {
		a = gateway.Hold
	}
	if a == gateway.Hold && released {
		a = gateway.Continue
	}
	return a
}

func (r *ruling) dispose(x *gateway.Exchange, id gateway.RecipientID, d gateway.Disposition) {
	if r.refused == nil {
		r.refused, r.dropped, r.held = map[gateway.RecipientID]*gateway.Status{}, map[gateway.RecipientID]bool{}, map[gateway.RecipientID]bool{}
	}
	switch d.Action {
	case gateway.Reject, gateway.Defer:
		r.refused[id] = d.Status
	case gateway.Discard:
		r.dropped[id] = true
	case gateway.Hold:
		r.held[id] = true
	}
	if d.Removed || d.Redirect != "" {
		r.dropped[id] = true
	}
	if d.Redirect == "" {
		return
	}
	to := gateway.Recipient{Path: d.Redirect}
	if int(id) < len(x.Message.Envelope.Recipients) {
		to = x.Message.Envelope.Recipients[id]
		to.Path = d.Redirect
	}
	r.added = append(r.added, to)
}

// fail enters a handler's failure and says whether the chain ends.
func (r *ruling) fail(ctx context.Context, step Step, m *gateway.Message, err error, log *slog.Logger) (stop bool) {
	log.Error("handler failed", "handler", step.Name, "module", step.Module, "on_error", string(step.OnError), messageAttrs(m), "error", err)
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) { // the latter may be noticed first
		r.action, r.status = gateway.Defer, outOfTime(cmp.Or(ctx.Err(), err))
		return true
	}
	switch step.OnError {
	case OnErrorAccept:
		return false
	case OnErrorReject:
		r.action = gateway.Reject
		r.status = &gateway.Status{Code: 554, Enhanced: gateway.EnhancedCode{5, 3, 0}, Text: "the message could not be examined", Cause: err}
	default:
		r.action = gateway.Defer
		r.status = &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 3, 0}, Text: "the message could not be examined, try again later",
			Cause: fmt.Errorf("handler %s: %w", step.Name, err)}
	}
	return true
}

func outOfTime(cause error) *gateway.Status {
	text := "interrupted, try again later"
	if errors.Is(cause, context.DeadlineExceeded) {
		text = "examining the message took too long, try again later"
	}
	return &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 3, 2}, Text: text, Cause: cause}
}
