package pipeline

import (
	"context"
	"log/slog"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
	"github.com/mmgw/mmgw/gateway/dsn"
)

// Failures follows up recipients that are given up: members of a list are
// booked, other mail is reported to its reverse-path.
type Failures struct {
	Reports *Reports
	Scores  *Scores // books the members of posts and probes
	Log     *slog.Logger
}

// Failed books or reports the recipients of f.
func (s *Failures) Failed(ctx context.Context, f Fate) error {
	for i, recipient := range f.Recipients {
		logger(s.Log).Warn("gave up", messageAttrs(f.Message), "list", f.Leg.Whose(),
			"recipient", gateway.Printable(string(recipient.Path)), "status", f.Statuses[i].Error())
	}
	if f.Leg.Service == gateway.Post {
		return s.book(ctx, f, f.Leg.List, bounce.Signed)
	}
	if f.Leg.Service == gateway.Relay {
		if list, _, ok := s.Scores.probed(ctx, f.ReversePath); ok {
			return s.book(ctx, f, list, bounce.Probed)
		}
	}
	return s.Reports.Send(ctx, dsn.Failed, f)
}

// book books members whose mailbox refused for good, and tells the owners of the
// list of a post that others get no copy of.
func (s *Failures) book(ctx context.Context, f Fate, list gateway.ListID, trust bounce.Trust) error {
	for i, recipient := range f.Recipients {
		status := f.Statuses[i]
		code, class := bounce.Classify(status.Detail(), status.Text)
		if !counts(status, code, class) {
			if err := s.tell(ctx, f, list, i); err != nil {
				return err
			}
			continue
		}
		err := s.Scores.Book(ctx, Failing{List: list, Member: recipient.Path, Trust: trust, Status: code.String(), Text: status.Text, At: time.Now()})
		if err != nil {
			return err
		}
	}
	return nil
}

// tell tells of a post that a recipient of f gets no copy of. One without a
// reverse-path is nobody's whom that could concern.
func (s *Failures) tell(ctx context.Context, f Fate, list gateway.ListID, i int) error {
	if f.Leg.Service != gateway.Post || f.Message.Envelope.ReversePath.IsNull() {
		return nil
	}
	return s.Scores.Refused(ctx, f.Message, list, f.Recipients[i].Path, f.Statuses[i])
}

// counts says whether a reply is about the mailbox. One that says nothing may be
// about the message or about us, and would be so for every member.
func counts(status *gateway.Status, code gateway.EnhancedCode, class bounce.Class) bool {
	return status.Class() == gateway.Permanent &&
		(class == bounce.Hard || class == bounce.Full || class == bounce.Soft && (code[1] == 1 || code[1] == 2))
}
