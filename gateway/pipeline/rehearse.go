package pipeline

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
)

// Rehearsal takes messages their way once more, as far as handlers and the
// planner are called: nothing is stored, replied or sent. What the handlers it
// is given do beyond their verdicts is theirs to keep apart.
type Rehearsal struct {
	Site    Site
	Roster  gateway.Roster
	Chains  Chains
	Planner gateway.Planner
	Auth    *authres.Verifier // asks for what Check did not, where a handler wants to know
	Rejects Rejects
	Routes  []string
	Timeout time.Duration // of a whole chain
}

// Run takes a message through: each recipient as at RCPT, the legs of those
// that were not refused, and for posts that are accepted the outgoing handlers
// and the plan of the first batch.
func (r *Rehearsal) Run(ctx context.Context, m *gateway.Message, auth gateway.AuthResults) error {
	silent := slog.New(slog.DiscardHandler)
	in := &Intake{
		Site: r.Site, Roster: r.Roster, Chains: r.Chains, Auth: r.Auth, Rejects: r.Rejects, Routes: r.Routes,
		Timeout: r.Timeout, Log: silent,
	}
	again := *m
	again.Legs, again.Envelope.Recipients = nil, nil
	for _, to := range m.Envelope.Recipients {
		envelope := m.Envelope
		if err := in.Recipient(ctx, m.Client, &envelope, to); err == nil {
			again.Envelope.Recipients = append(again.Envelope.Recipients, to)
		}
	}
	if len(again.Envelope.Recipients) == 0 {
		return ctx.Err()
	}
	draft, err := gateway.OpenDraft(m.Content)
	if err != nil {
		return err
	}
	if _, err := in.examineAs(ctx, &again, draft, auth, make([]*gateway.Status, len(again.Envelope.Recipients))); err != nil {
		return err
	}
	for i := range again.Legs {
		if leg := &again.Legs[i]; leg.Service == gateway.Post && leg.Stage == gateway.StageAccepted {
			if err := r.post(ctx, &again, leg, auth); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// post takes an accepted post on, to the plan of its first batch.
func (r *Rehearsal) post(ctx context.Context, m *gateway.Message, leg *gateway.Leg, auth gateway.AuthResults) error {
	list, err := r.Roster.List(leg.List)
	if err != nil {
		return err
	}
	draft, err := gateway.OpenDraft(m.Content, leg.Edits...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	chain := r.Chains.Outgoing(list)
	defer chain.end()
	leg.PostNumber = 1 // which it was cannot be told any more
	x := gateway.Exchange{Phase: gateway.PhaseOutgoing, Message: m, Leg: leg, List: list, Draft: draft, RouteNames: r.Routes,
		Auth: sync.OnceValue(func() gateway.AuthResults { return r.Auth.Policy(ctx, draft.Header, auth) })}
	ruled := chain.run(ctx, x, slog.New(slog.DiscardHandler))
	if ruled.action != gateway.Continue {
		return nil
	}
	if err := draft.Apply(ruled.edits...); err != nil {
		return err
	}
	x.Phase = gateway.PhasePlan
	x.Recipients, _, err = r.Roster.Members(list.ID, "", gateway.BatchRecipientsMax)
	if err == nil && len(x.Recipients) > 0 {
		_, _ = r.Planner.Plan(ctx, &x) // its failure is the planner's own, and what is heard of
	}
	return err
}
