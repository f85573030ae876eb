package sandbox

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

const mail = `Received: from a by b
Received: from c by d
From: Anne <anne@example.com>
Subject: a
 folded  subject
To: dev@lists.example.com

Hello.
`

// exchange is a post of two recipients' leg to a list in a phase.
func exchange(t testing.TB, phase gateway.Phase) *gateway.Exchange {
	t.Helper()
	content := gateway.Bytes(strings.ReplaceAll(mail, "\n", "\r\n"))
	draft, err := gateway.OpenDraft(content)
	if err != nil {
		t.Fatal(err)
	}
	x := &gateway.Exchange{
		Phase: phase,
		Message: &gateway.Message{
			ID: 1 << 40, Received: time.UnixMilli(1_700_000_000_000), Content: content,
			Client:   gateway.Client{Addr: netip.MustParseAddr("192.0.2.7"), Name: "mx.example.com"},
			Envelope: gateway.Envelope{ReversePath: "anne@example.com"},
		},
		Leg: &gateway.Leg{Service: gateway.Post, List: "dev.lists.example.com", PostNumber: 12,
			Recipients: []gateway.RecipientID{4, 7, 9}, Details: []string{"", "two", ""}},
		List:  &gateway.List{ID: "dev.lists.example.com", Address: "dev@lists.example.com", Config: map[string]any{"color": "red"}},
		Draft: draft,
		Recipients: []gateway.Recipient{
			{Path: "one@example.com"}, {Path: "two@example.com"}, {Path: "three@example.com"},
		},
		RouteNames: []string{"bulk"},
		Auth:       func() gateway.AuthResults { return gateway.AuthResults{SPF: "pass"} },
	}
	if phase == gateway.PhaseRecipient {
		x.Draft = nil
	}
	if phase == gateway.PhaseResult {
		x.Result = &gateway.Result{Recipient: x.Recipients[1], Status: gateway.Accepted, Attempt: 2}
	}
	return x
}

// edited is the content as a verdict's edits leave it, with LF.
func edited(t testing.TB, x *gateway.Exchange, edits []gateway.Edit) string {
	t.Helper()
	draft := x.Draft.Clone()
	if err := draft.Apply(edits...); err != nil {
		t.Fatal(err)
	}
	content := draft.Content()
	r, err := content.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := make([]byte, content.Size())
	if _, err := r.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}
