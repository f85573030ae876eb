package pipeline

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Outbox takes responsibility for mail of our own: reports, and what people are
// told. It leaves with a null reverse-path, so that nothing answers or bounces
// it (RFC 5321, section 4.5.5), and goes to the upstream MTA.
type Outbox struct {
	Hostname string // in message ids
	Spool    gateway.Spool
	Expiry   time.Duration         // how long delivery is tried
	Queued   func([]gateway.Entry) // is told of what is due, after the commit; nil: nobody does
}

// Writer writes a message of our own. messageID has its angle brackets.
type Writer func(now time.Time, messageID string) (gateway.Content, error)

// Send spools what write writes, for the recipients to. It is on the disk when
// Send returns without error; after a crash the caller may come again, and the
// same mail twice.
func (o *Outbox) Send(ctx context.Context, to []gateway.ForwardPath, write Writer) error {
	return o.SendFrom(ctx, "", to, write)
}

// SendFrom is Send for what is to come back when it fails: it leaves under a
// reverse-path.
func (o *Outbox) SendFrom(ctx context.Context, from gateway.ReversePath, to []gateway.ForwardPath, write Writer) error {
	now := time.Now()
	id, w, err := o.Spool.Begin(now, true)
	if err != nil {
		return err
	}
	defer w.Discard()
	content, err := write(now, fmt.Sprintf("<%s@%s>", id, o.Hostname))
	if err != nil {
		return err
	}
	m := &gateway.Message{ID: id, Received: now, Legs: []gateway.Leg{{Service: gateway.Relay}}}
	m.Envelope.ReversePath = from
	for _, path := range to {
		r := gateway.Recipient{Path: path, Notify: gateway.NotifyFailure}
		if from.IsNull() {
			r.Notify = gateway.NotifyNever
		}
		m.Legs[0].Added = append(m.Legs[0].Added, r)
	}
	m.Envelope.BodyType = gateway.Body8BitMIME
	m.Envelope.SMTPUTF8 = slices.ContainsFunc(to, func(p gateway.ForwardPath) bool { return !p.IsASCII() })
	if err := copyContent(m, w, content); err != nil {
		return err
	}
	if _, err := o.Spool.Accept(ctx, m); err != nil {
		return err
	}
	if o.Queued != nil {
		o.Queued([]gateway.Entry{legEntry(m, 0, now, now.Add(o.Expiry))})
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
