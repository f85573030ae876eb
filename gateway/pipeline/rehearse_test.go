package pipeline

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// hearing is a handler and a planner that notes what it is asked, and then
// rules as it is told.
type hearing struct {
	heard   *[]string
	verdict gateway.Verdict
}

func (h hearing) Handle(_ context.Context, x *gateway.Exchange) (gateway.Verdict, error) {
	subject := ""
	if x.Draft != nil {
		subject = " " + x.Draft.Header.Get("Subject")
	}
	*h.heard = append(*h.heard, []string{"recipient", "incoming", "outgoing"}[x.Phase]+subject)
	if x.Phase == gateway.PhaseRecipient {
		return gateway.Verdict{}, nil
	}
	return h.verdict, nil
}

func (h hearing) Plan(_ context.Context, x *gateway.Exchange) (gateway.Plan, error) {
	*h.heard = append(*h.heard, "plan "+x.Draft.Header.Get("X-Seen")+" "+string(x.Recipients[0].Path))
	return gateway.Plan{}, nil
}

// TestRehearsalGoesTheWholeWay: every handler and the planner see what they
// would, edits of those before included, and the spool nothing at all.
func TestRehearsalGoesTheWholeWay(t *testing.T) {
	for _, c := range []struct {
		incoming gateway.Verdict
		want     []string
	}{
		{gateway.Verdict{}, []string{"recipient", "incoming hello", "outgoing hello", "plan yes anne@example.com"}},
		{gateway.Verdict{Action: gateway.Reject, Status: &gateway.Status{Code: 550}}, []string{"recipient", "incoming hello"}},
		{gateway.Verdict{Action: gateway.Hold}, []string{"recipient", "incoming hello"}},
	} {
		h := newHouse(t, devList("anne@example.com"))
		var heard []string
		h.incoming = Chain{{Name: "in", Module: "in", Handler: hearing{&heard, c.incoming}}}
		h.outgoing = Chain{{Name: "out", Module: "out", Handler: hearing{&heard, gateway.Verdict{
			Edits: []gateway.Edit{{Op: gateway.InsertField, Name: "X-Seen", Value: "yes"}}}}}}
		r := Rehearsal{Site: h.intake.Site, Roster: h.roster, Chains: h, Planner: hearing{heard: &heard}, Auth: h.intake.Auth, Timeout: time.Minute}
		m := &gateway.Message{
			ID: 1 << 40, Received: time.Now(), Content: gateway.Bytes("From: anne@example.com\r\nSubject: hello\r\n\r\nhi\r\n"),
			Envelope: gateway.Envelope{ReversePath: "anne@example.com", Recipients: []gateway.Recipient{{Path: "dev@lists.example.com"}, {Path: "gone@lists.example.com"}}},
		}
		if err := r.Run(t.Context(), m, gateway.AuthResults{}); err != nil || !slices.Equal(heard, c.want) {
			t.Errorf("%v, heard %q, not %q", err, heard, c.want)
		}
		for e := range h.spool.Entries() {
			t.Errorf("in the spool: %+v", e)
		}
		if len(m.Envelope.Recipients) != 2 || m.Legs != nil {
			t.Errorf("the message was changed: %+v", m)
		}
	}
}
