package sim

import (
	"context"
	"errors"
	"fmt"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/pipeline"
)

// handlers are modules that do whatever they may. They are the chains of every
// list, and the planner.
type handlers struct {
	w     *world
	added int
}

type handlerFunc func(x *gateway.Exchange) (gateway.Verdict, error)

// Handle implements gateway.Handler.
func (f handlerFunc) Handle(_ context.Context, x *gateway.Exchange) (gateway.Verdict, error) {
	return f(x)
}

// Incoming implements pipeline.Chains.
func (h *handlers) Incoming(*gateway.List) pipeline.Chain {
	return pipeline.Chain{
		{Name: "first", Module: "first@1", Handler: handlerFunc(h.incoming), OnError: pipeline.OnErrorAccept},
		{Name: "second", Module: "second@1", Handler: handlerFunc(h.incoming)},
	}
}

// Policy implements pipeline.Chains: strangers' posts are held.
func (h *handlers) Policy(*gateway.List) pipeline.Chain {
	return pipeline.Chain{{Name: "posting", Module: "posting@1", Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
		if x.List.Posting == gateway.PostingMembers && x.SenderRole() == "none" {
			return gateway.Verdict{Action: gateway.Hold}, nil
		}
		return gateway.Verdict{}, nil
	})}}
}

// Outgoing implements pipeline.Chains.
func (h *handlers) Outgoing(*gateway.List) pipeline.Chain {
	return pipeline.Chain{{Name: "out", Module: "out@1", Handler: handlerFunc(h.outgoing)}}
}

var errHandler = errors.New("ran out of fuel")

func (h *handlers) incoming(x *gateway.Exchange) (gateway.Verdict, error) {
	luck := h.w.rng.IntN(200)
	if x.Phase == gateway.PhaseRecipient {
		switch {
		case luck < 2:
			return gateway.Verdict{Action: gateway.Reject, Status: policy}, nil
		case luck < 4:
			return gateway.Verdict{Action: gateway.Defer, Status: later}, nil
		}
		return gateway.Verdict{}, nil
	}
	switch {
	case luck < 3:
		return gateway.Verdict{Action: gateway.Reject, Status: policy}, nil
	case luck < 9:
		return gateway.Verdict{Action: gateway.Defer, Status: later}, nil
	case luck < 13:
		h.drop(x, x.Recipients...)
		return gateway.Verdict{Action: gateway.Discard}, nil
	case luck < 17:
		return gateway.Verdict{Action: gateway.Hold}, nil
	case luck < 22:
		return gateway.Verdict{}, errHandler
	}
	return h.change(x), nil
}

// change is a verdict that lets the leg go on, changed in some way.
func (h *handlers) change(x *gateway.Exchange) gateway.Verdict {
	v := gateway.Verdict{}
	mark := fmt.Sprintf("%s %s%s", x.Leg.Service, x.Leg.List, x.Leg.Forward)
	switch h.w.rng.IntN(8) {
	case 0, 1, 2:
		v.Edits = []gateway.Edit{{Op: gateway.InsertField, Name: "X-Leg", Value: mark}}
	case 3:
		v.Edits = []gateway.Edit{{Op: gateway.ReplaceBody, Body: []byte(replacement(x.Draft.Header.Get("X-Token")))}}
	case 4:
		h.added++
		v.Added = []gateway.Recipient{{Path: gateway.ForwardPath(fmt.Sprintf("good%d@%s", h.added, othersDomain)), Notify: gateway.NotifyNever}}
	case 5:
		if len(x.Leg.Recipients) > 0 {
			v.Recipients = h.dispose(x)
		}
	}
	return v
}

// dispose is what becomes of one recipient of a leg.
func (h *handlers) dispose(x *gateway.Exchange) map[gateway.RecipientID]gateway.Disposition {
	i := h.w.rng.IntN(len(x.Leg.Recipients))
	d := gateway.Disposition{}
	switch h.w.rng.IntN(5) {
	case 0:
		d.Action, d.Status = gateway.Reject, policy
	case 1:
		d.Action, d.Status = gateway.Defer, later
	case 2:
		d.Action = gateway.Discard
		h.drop(x, x.Recipients[i])
	case 3:
		d.Action = gateway.Hold
	case 4:
		h.added++
		d.Redirect = gateway.ForwardPath(fmt.Sprintf("good%d@%s", h.added, othersDomain))
		h.drop(x, x.Recipients[i])
	}
	return map[gateway.RecipientID]gateway.Disposition{x.Leg.Recipients[i]: d}
}

// drop notes that recipients are accepted and get nothing.
func (h *handlers) drop(x *gateway.Exchange, recipients ...gateway.Recipient) {
	for _, to := range recipients {
		h.w.ledger.dropped[x.Draft.Header.Get("X-Token")+" "+string(to.Path)] = true
	}
}

func (h *handlers) outgoing(x *gateway.Exchange) (gateway.Verdict, error) {
	if !h.w.disk.dark() {
		h.w.ledger.decorates(x.Message, x.Leg)
	}
	switch luck := h.w.rng.IntN(100); {
	case luck < 4:
		return gateway.Verdict{Action: gateway.Defer, Status: later}, nil
	case luck < 10:
		return gateway.Verdict{}, errHandler
	case luck < 13:
		return gateway.Verdict{Action: gateway.Hold}, nil
	case luck < 15:
		return gateway.Verdict{Action: gateway.Discard}, nil
	}
	return gateway.Verdict{Edits: []gateway.Edit{{Op: gateway.InsertField, Name: "X-Out", Value: "1"}}}, nil
}

// Plan implements gateway.Planner.
func (h *handlers) Plan(context.Context, *gateway.Exchange) (gateway.Plan, error) {
	plan := gateway.Plan{RecipientsMax: h.w.rng.IntN(5)}
	switch h.w.rng.IntN(12) {
	case 0, 10, 11: // so often that most games see what a failed plan leaves
		return plan, errHandler
	case 1, 2, 3, 4, 5:
		plan.VERP = true
	case 6:
		plan.ByDomain = true
	case 7, 8:
		plan.VERP = true
		plan.Edits = []gateway.Edit{{Op: gateway.InsertField, Name: "X-Member", Value: "{member}", Template: true}}
	}
	return plan, nil
}
