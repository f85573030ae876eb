package pipeline

import (
	"context"
	"log/slog"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
	"github.com/mmgw/mmgw/gateway/verp"
)

// Bounces takes what came to the -bounces address of a list.
type Bounces struct {
	Roster   gateway.Roster
	Book     BounceBook
	VERP     *verp.Codec
	ToOwners bool // unrecognised mail goes to the owners, else away
	Log      *slog.Logger
}

// Handle books the members that a bounce names by its reverse-path. It says
// whether the owners are to see the message: it is no bounce, or nobody knows
// whose. What answers by itself is nobody's concern.
func (s *Bounces) Handle(_ context.Context, m *gateway.Message, leg *gateway.Leg) (owners bool, err error) {
	list, err := s.Roster.List(leg.List)
	if err != nil {
		return false, err
	}
	finding, err := bounce.Inspect(m.Content)
	if err != nil {
		return false, err
	}
	recognised := false
	for _, detail := range leg.Details {
		decoded, err := s.VERP.Decode(list, detail, m.Received)
		if err != nil {
			logger(s.Log).Info("bounce to an address that names no member", messageAttrs(m), "list", string(list.ID), "reason", err)
			continue
		}
		if !finding.Bounce || decoded.Member == "" {
			continue
		}
		recognised = true
		if err := s.book(m, list.ID, decoded.Member, finding); err != nil {
			return false, err
		}
	}
	return !recognised && !isAutoReply(finding) && s.ToOwners, nil
}

func (s *Bounces) book(m *gateway.Message, list gateway.ListID, member gateway.ForwardPath, finding bounce.Finding) error {
	r := verdictOn(finding, member)
	logger(s.Log).Info("bounce", messageAttrs(m), "list", string(list), "member", string(member), "class", string(r.Class), "status", r.Status.String())
	if r.Class != bounce.Hard || r.Action != bounce.Failed {
		return nil
	}
	return bookBounce(s.Book, list, member, &gateway.Status{Code: 550, Enhanced: r.Status, Text: gateway.Printable(r.Diagnostic)}, m.Received)
}

// verdictOn is what a bounce says of a member: by its address, else all that
// it says, since the reverse-path names the member already.
func verdictOn(finding bounce.Finding, member gateway.ForwardPath) bounce.Recipient {
	for _, r := range finding.Recipients {
		if r.Original.Key() == member.Key() || r.Address.Key() == member.Key() {
			return r
		}
	}
	if len(finding.Recipients) > 0 {
		return finding.Recipients[0]
	}
	return bounce.Recipient{}
}

func isAutoReply(finding bounce.Finding) bool {
	for _, r := range finding.Recipients {
		if r.Class == bounce.AutoReply {
			return true
		}
	}
	return false
}
