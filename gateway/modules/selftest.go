package modules

import (
	"context"
	"fmt"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox"
)

// selfTestContent is a small post as any list gets.
const selfTestContent = "From: Anne Example <anne@example.com>\r\nTo: selftest@lists.example.com\r\nSubject: A self-test of mmgw\r\n" +
	"Date: Thu, 01 Jan 2026 12:00:00 +0000\r\nMessage-ID: <selftest@example.com>\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\n\r\nNobody gets this message.\r\n"

// SelfTest runs a module on a small message, once for each hook that it serves and
// within its limits. Any verdict will do; the error is that of the first call that
// failed. It does not test writers of MTA configurations.
func SelfTest(ctx context.Context, p *sandbox.Plugin) error {
	for phase := gateway.PhaseRecipient; phase <= gateway.PhaseResult; phase++ {
		if !p.Serves(phase) {
			continue
		}
		x, err := selfTestExchange(phase)
		if err != nil {
			return err
		}
		if phase == gateway.PhasePlan {
			_, err = p.Plan(ctx, x)
		} else {
			_, err = p.Handle(ctx, x)
		}
		if err != nil {
			return fmt.Errorf("self-test on a small message: %w", err)
		}
	}
	return nil
}

// selfTestExchange is the small post as a module sees it in a phase.
func selfTestExchange(phase gateway.Phase) (*gateway.Exchange, error) {
	const address = "selftest@lists.example.com"
	recipient := gateway.Recipient{Path: address}
	m := &gateway.Message{Received: time.Now(), Envelope: gateway.Envelope{
		ReversePath: "anne@example.com", Recipients: []gateway.Recipient{recipient},
	}}
	leg := &gateway.Leg{
		Service: gateway.Post, List: gateway.NewListID(address), Recipients: []gateway.RecipientID{0}, Details: []string{""}, PostNumber: 1,
	}
	x := &gateway.Exchange{
		Phase: phase, Message: m, Leg: leg, SenderRole: func() string { return "none" }, Rehearsal: true,
		List: &gateway.List{
			ID: leg.List, Address: address, Posting: gateway.PostingMembers, Subscribe: "confirm", Unsubscribe: "list",
		},
	}
	if phase != gateway.PhaseOutgoing {
		x.Recipients = []gateway.Recipient{recipient}
	}
	if phase == gateway.PhaseResult {
		x.Result = &gateway.Result{Recipient: recipient, Status: gateway.Accepted, Attempt: 1}
	}
	if phase == gateway.PhaseRecipient {
		return x, nil
	}
	m.ID = gateway.NextQueueID(0, m.Received)
	m.Content = gateway.Bytes(selfTestContent)
	var err error
	x.Draft, err = gateway.OpenDraft(m.Content)
	return x, err
}
