package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
	"github.com/mmgw/mmgw/gateway/dsn"
	"github.com/mmgw/mmgw/gateway/roster"
)

// BounceBook keeps what is known of members whose mail fails.
type BounceBook interface {
	// RecordBounce is roster.ErrUnknownMember for those who have left.
	RecordBounce(list gateway.ListID, member gateway.ForwardPath, status *gateway.Status, at time.Time) error
}

// bookBounce records a bounce. Who has left meanwhile needs none.
func bookBounce(book BounceBook, list gateway.ListID, member gateway.ForwardPath, status *gateway.Status, at time.Time) error {
	if err := book.RecordBounce(list, member, status, at); err != nil && !errors.Is(err, roster.ErrUnknownMember) {
		return fmt.Errorf("book the bounce of %s: %w", member, err)
	}
	return nil
}

// Failures follows up recipients that are given up: members of a list are
// booked, other mail is reported to its reverse-path (RFC 3464).
type Failures struct {
	Site   Site
	Outbox *Outbox // reports go out by it
	Book   BounceBook
	Log    *slog.Logger
}

// Failed books or reports the recipients of f.
func (s *Failures) Failed(ctx context.Context, f Failure) error {
	for i, recipient := range f.Recipients {
		logger(s.Log).Warn("gave up", messageAttrs(f.Message), "list", string(f.Leg.List),
			"recipient", gateway.Printable(string(recipient.Path)), "status", f.Statuses[i].Error())
	}
	if f.Leg.Service == gateway.Post {
		return s.book(f)
	}
	return s.report(ctx, f)
}

// book enters members whose mailbox refused for good. A refusal of the
// content, a policy or a full mailbox says nothing about the member.
func (s *Failures) book(f Failure) error {
	for i, recipient := range f.Recipients {
		status := f.Statuses[i]
		if _, class := bounce.Classify(status.Enhanced, status.Text); status.Class() != gateway.Permanent || class != bounce.Hard {
			continue
		}
		if err := bookBounce(s.Book, f.Leg.List, recipient.Path, status, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// report spools a DSN to the reverse-path of the delivery. What came with a
// null reverse-path, or fails at the very address it would be reported to, is
// reported to nobody.
func (s *Failures) report(ctx context.Context, f Failure) error {
	r := dsn.Report{
		ReportingMTA: s.Site.Hostname, From: gateway.ForwardPath("mailer-daemon@" + s.Site.Hostname), To: f.ReversePath,
		QueueID: f.Message.ID, EnvelopeID: f.Message.Envelope.EnvelopeID, Arrival: f.Message.Received,
		Original: f.Message.Content, Return: f.Message.Envelope.Return,
	}
	for i, recipient := range f.Recipients {
		if dsn.Failed.Wanted(recipient.Notify) && recipient.Path.Key() != gateway.ForwardPath(f.ReversePath).Key() {
			r.Recipients = append(r.Recipients, dsn.Recipient{
				Recipient: recipient, Action: dsn.Failed, Status: f.Statuses[i], LastAttempt: time.Now(),
			})
		}
	}
	if f.ReversePath.IsNull() || len(r.Recipients) == 0 {
		return nil
	}
	return s.Outbox.Send(ctx, []gateway.ForwardPath{gateway.ForwardPath(r.To)}, r.Content)
}
