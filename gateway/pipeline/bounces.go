package pipeline

import (
	"context"
	"log/slog"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
	"github.com/mmgw/mmgw/gateway/roster"
	"github.com/mmgw/mmgw/gateway/verp"
)

// Bounces takes what came to the -bounces address of a list.
type Bounces struct {
	Scores   *Scores
	ToOwners bool // unrecognised mail goes to the owners, else away
	Log      *slog.Logger
}

// Handle books the members that a bounce is of. It says whether the owners are
// to see the message: it is not a bounce, or nobody knows whose. What answers by
// itself is nobody's concern.
func (s *Bounces) Handle(ctx context.Context, m *gateway.Message, leg *gateway.Leg) (owners bool, err error) {
	list, err := s.Scores.Roster.List(leg.List)
	if err != nil {
		return false, err
	}
	finding, err := bounce.Inspect(m.Content)
	if err != nil {
		return false, err
	}
	recognised := false
	for _, detail := range leg.Details {
		ok, err := s.one(ctx, m, list, detail, finding)
		if err != nil {
			return false, err
		}
		recognised = recognised || ok
	}
	return !recognised && !isAutoReply(finding) && s.ToOwners, nil
}

// one takes a message as one of its addresses has it, by its detail, and says
// whether it is known whose bounce it is.
func (s *Bounces) one(ctx context.Context, m *gateway.Message, list *gateway.List, detail string, finding bounce.Finding) (bool, error) {
	decoded, err := s.Scores.VERP.Decode(list, detail, m.Received)
	if err != nil && detail != "" {
		logger(s.Log).Info("bounce to an address that names no member", messageAttrs(m), "list", string(list.ID), "reason", err)
		return false, nil
	}
	switch {
	case !finding.Bounce:
		return false, nil
	case finding.Complaint:
		return s.complaint(ctx, m, list, decoded, finding)
	case decoded.Member != "":
		return true, s.book(ctx, m, list.ID, decoded.Member, trustOf(decoded), verdictOn(finding, decoded.Member))
	}
	return s.plain(ctx, m, list, finding)
}

// plain books a bounce to the address that all members share by whom it names:
// anyone can write it.
func (s *Bounces) plain(ctx context.Context, m *gateway.Message, list *gateway.List, finding bounce.Finding) (named bool, err error) {
	for _, r := range finding.Recipients {
		for _, path := range []gateway.ForwardPath{r.Original, r.Address} {
			if path == "" {
				continue
			}
			if role, err := s.Scores.Roster.Role(list.ID, gateway.ReversePath(path)); err != nil {
				return false, err
			} else if role != roster.RoleNone {
				named = true
				if err := s.book(ctx, m, list.ID, path, bounce.Weak, r); err != nil {
					return false, err
				}
				break
			}
		}
	}
	return named, nil
}

func (s *Bounces) book(ctx context.Context, m *gateway.Message, list gateway.ListID, member gateway.ForwardPath, trust bounce.Trust, r bounce.Recipient) error {
	logger(s.Log).Info("bounce", messageAttrs(m), "list", string(list), "member", string(member), "class", string(r.Class), "action", string(r.Action), "status", r.Status.String())
	if !r.Counts() {
		return nil
	}
	return s.Scores.Book(ctx, Failing{
		List: list, Member: member, Trust: trust, Status: r.Status.String(), Text: gateway.Printable(r.Diagnostic), Message: m.Content, At: m.Received,
	})
}

// complaint ends the membership of exactly the member that a signed
// reverse-path names: that of the report, or the one of the post in it.
func (s *Bounces) complaint(ctx context.Context, m *gateway.Message, list *gateway.List, decoded verp.Decoded, finding bounce.Finding) (bool, error) {
	if decoded.Member == "" || trustOf(decoded) == bounce.Weak {
		of, inside, err := s.Scores.decode(ctx, finding.ReversePath, m.Received)
		if err != nil || of == nil || of.ID != list.ID {
			return false, nil // the owners see it
		}
		decoded = inside
	}
	if decoded.Member == "" || trustOf(decoded) == bounce.Weak {
		return false, nil
	}
	return true, s.Scores.Complained(ctx, list.ID, decoded.Member, m.Content)
}

func trustOf(d verp.Decoded) bounce.Trust {
	switch {
	case d.Form != verp.Signed && d.Form != verp.Opaque:
		return bounce.Weak
	case d.Probe:
		return bounce.Probed
	}
	return bounce.Signed
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
		if r.Class == bounce.AutoReply || r.Class == bounce.Challenge {
			return true
		}
	}
	return false
}
