package pipeline

import (
	"context"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/dsn"
)

// Fate is what became of recipients of one delivery.
type Fate struct {
	Message     *gateway.Message
	Leg         *gateway.Leg
	ReversePath gateway.ReversePath // of the delivery
	Recipients  []gateway.Recipient
	Statuses    []*gateway.Status // parallel to Recipients, or nil for a success of our own
	RetryUntil  time.Time         // of what is delayed
}

// add notes one more recipient.
func (f *Fate) add(recipient gateway.Recipient, status *gateway.Status) {
	f.Recipients = append(f.Recipients, recipient)
	f.Statuses = append(f.Statuses, status)
}

// Reports tells who sent a message what became of it (RFC 3464), as far as
// NOTIFY wants it (RFC 3461, section 4.1).
type Reports struct {
	Site   Site
	Outbox *Outbox
	Double bool // the owner of the site is told of failures that nobody else can be told
}

// Send spools a report to the reverse-path of f. What came with a null
// reverse-path, or happens at the very address that it would be reported to, is
// reported to nobody; with Double the owner of the site takes the place of a
// null reverse-path, for failures.
func (s *Reports) Send(ctx context.Context, action dsn.Action, f Fate) error {
	double := f.ReversePath.IsNull()
	if double {
		if action != dsn.Failed || !s.Double || s.Site.Owner == "" {
			return nil
		}
		f.ReversePath = gateway.ReversePath(s.Site.Owner)
	}
	r := dsn.Report{
		ReportingMTA: s.Site.Hostname, From: gateway.ForwardPath("mailer-daemon@" + s.Site.Hostname), To: f.ReversePath, Double: double,
		QueueID: f.Message.ID, EnvelopeID: f.Message.Envelope.EnvelopeID, Arrival: f.Message.Received,
		Original: f.Message.Content, Return: f.Message.Envelope.Return,
	}
	for i, recipient := range f.Recipients {
		if (double || action.Wanted(recipient.Notify)) && recipient.Path.Key() != gateway.ForwardPath(f.ReversePath).Key() {
			one := dsn.Recipient{Recipient: recipient, Action: action, RetryUntil: f.RetryUntil}
			if f.Statuses != nil {
				one.Status, one.RemoteMTA, one.LastAttempt = f.Statuses[i], f.Statuses[i].Host, time.Now()
			}
			r.Recipients = append(r.Recipients, one)
		}
	}
	if len(r.Recipients) == 0 {
		return nil
	}
	return s.Outbox.Send(ctx, []gateway.ForwardPath{gateway.ForwardPath(r.To)}, r.Content)
}

// delayedAfter is the age at which mail that is still tried is delayed: long
// enough for greylisting and for a host that is restarted, and short enough that
// the message may still matter. RFC 5321, section 4.5.4.1, leaves it open.
const delayedAfter = 4 * time.Hour

// delayed reports what will be delayed by the time of the next attempt. It is
// once for a message, as one attempt alone was due before that age and has the
// next one due after it.
func (r *batchRun) delayed(ctx context.Context, due, next time.Time) error {
	at := r.m.Received.Add(delayedAfter)
	if r.Reports == nil || r.leg.Service == gateway.Post || !due.Before(at) || next.Before(at) {
		return nil
	}
	for i := range r.b.Deliveries {
		d := &r.b.Deliveries[i]
		f := Fate{Message: r.m, Leg: r.leg, ReversePath: d.ReversePath, RetryUntil: r.b.Expires}
		for _, j := range d.Unsettled() {
			if j < len(d.Outcomes) && d.Outcomes[j].Status != nil {
				f.add(d.Recipients[j], d.Outcomes[j].Status)
			}
		}
		if err := r.Reports.Send(ctx, dsn.Delayed, f); err != nil {
			return err
		}
	}
	return nil
}

// relayed reports what was handed to a host that will not report it itself (RFC
// 3461, section 5.2.2).
func (r *batchRun) relayed(ctx context.Context, o outcomes) error {
	if r.Reports == nil || r.leg.Service == gateway.Post {
		return nil
	}
	d := &r.b.Deliveries[o.delivery]
	f := Fate{Message: r.m, Leg: r.leg, ReversePath: d.ReversePath}
	for _, j := range o.tried {
		if status := o.all[j].Status; status.Class() == gateway.Success && dsn.Relayed.Wanted(d.Recipients[j].Notify) {
			f.add(d.Recipients[j], status)
		}
	}
	if len(f.Recipients) == 0 || r.DSN != nil && r.DSN(ctx, d.Route) {
		return nil
	}
	if err := r.spooled(); err != nil {
		return err
	}
	return r.Reports.Send(ctx, dsn.Relayed, f)
}

// report tells the sender of the leg's mail what we did with it ourselves.
func (x *expansion) report(ctx context.Context, action dsn.Action) error {
	if x.Reports == nil {
		return nil
	}
	f := Fate{Message: x.m, Leg: x.leg, ReversePath: x.m.Envelope.ReversePath, Recipients: x.m.RecipientsOf(x.leg)}
	return x.Reports.Send(ctx, action, f)
}
