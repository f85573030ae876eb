package pipeline

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
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
	Spool  gateway.Spool
	Book   BounceBook
	Expiry time.Duration         // how long a report is tried
	Queued func([]gateway.Entry) // hears of reports, after their commit
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
	return s.spool(ctx, r)
}

// spool accepts a report as a message of our own with a null reverse-path.
func (s *Failures) spool(ctx context.Context, r dsn.Report) error {
	now := time.Now()
	id, w, err := s.Spool.Begin(now)
	if err != nil {
		return err
	}
	defer w.Discard()
	content, err := r.Content(now, fmt.Sprintf("<%s@%s>", id, s.Site.Hostname))
	if err != nil {
		return err
	}
	m := &gateway.Message{ID: id, Received: now, Legs: []gateway.Leg{{
		Service: gateway.Relay, Added: []gateway.Recipient{{Path: gateway.ForwardPath(r.To), Notify: gateway.NotifyNever}},
	}}}
	m.Envelope.BodyType = gateway.Body8BitMIME
	if err := copyContent(m, w, content); err != nil {
		return err
	}
	if _, err := s.Spool.Accept(ctx, m); err != nil {
		return err
	}
	if s.Queued != nil {
		s.Queued([]gateway.Entry{entryOf(m, 0, now, now.Add(s.Expiry))})
	}
	return nil
}

// copyContent writes a content through w and makes it m's.
func copyContent(m *gateway.Message, w gateway.ContentWriter, content gateway.Content) error {
	r, err := content.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	digest := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, digest), r); err != nil {
		return err
	}
	digest.Sum(m.Digest[:0])
	m.Content, err = w.Content()
	return err
}
