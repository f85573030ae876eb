package server

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/pipeline"
)

// bouncedByOperator is what the sender of a message is told that an operator
// gives up.
var bouncedByOperator = &gateway.Status{Code: 554, Enhanced: gateway.EnhancedCode{5, 0, 0}, Text: "given up by the people who run the gateway"}

// queueBounce gives messages up: whoever sent one is told of the recipients that
// it did not reach, then it goes. Members of lists are not booked.
func (s *Server) queueBounce(ctx context.Context, args QueueIDs) (any, error) {
	failures := &pipeline.Failures{Log: s.log, Reports: &pipeline.Reports{
		Site: pipeline.Site{Hostname: s.cfg.Hostname, Owner: s.cfg.SiteOwner}, Double: s.cfg.Bounce.Double == config.DoubleOwner,
		Outbox: &pipeline.Outbox{Hostname: s.cfg.Hostname, Spool: s.spool, Expiry: s.cfg.MTA.DeliveryRetryPeriod, Queued: s.wake},
	}}
	return eachMessage(ctx, args, func(id gateway.QueueID) error {
		return s.gone(id, func() error { return s.bounce(ctx, failures, id, args.By) })
	})
}

func (s *Server) bounce(ctx context.Context, failures *pipeline.Failures, id gateway.QueueID, by string) error {
	m, err := s.spool.Load(id)
	if err != nil {
		return err
	}
	s.recordGivenUp(m, "bounce", by)
	f := pipeline.Fate{Message: m, Leg: &gateway.Leg{Service: gateway.Forward}, ReversePath: m.Envelope.ReversePath}
	for i := range m.Legs {
		pending, err := s.unreached(m, i)
		if err != nil {
			return err
		}
		f.Recipients = append(f.Recipients, pending...)
	}
	for range f.Recipients {
		f.Statuses = append(f.Statuses, bouncedByOperator)
	}
	if len(f.Recipients) > 0 {
		if err := failures.Failed(ctx, f); err != nil {
			return err
		}
	}
	return s.spool.Drop(id)
}

// queueDrop throws messages away, also those that cannot be read.
func (s *Server) queueDrop(ctx context.Context, args QueueIDs) (any, error) {
	return eachMessage(ctx, args, func(id gateway.QueueID) error {
		return s.gone(id, func() error {
			if m, err := s.spool.Load(id); err == nil {
				s.recordGivenUp(m, "drop", args.By)
			}
			return s.spool.Drop(id)
		})
	})
}

// recordGivenUp has the delivery log tell of the copies that an operator gives
// up, and of a leg that has none yet by its addresses. What cannot be read or
// written is no reason to keep the message.
func (s *Server) recordGivenUp(m *gateway.Message, how, by string) {
	status := &gateway.Status{Code: bouncedByOperator.Code, Enhanced: bouncedByOperator.Enhanced, Text: how + " by " + cmp.Or(by, "the operator")}
	for i := range m.Legs {
		leg := &m.Legs[i]
		record := func(d *gateway.Delivery, attempts int, recipients []gateway.Recipient) {
			var copies []pipeline.Attempt
			for _, r := range recipients {
				copies = append(copies, pipeline.Attempt{
					Message: m, Leg: leg, Modules: strings.Join(leg.Handlers, " "), Delivery: d, Recipient: r,
					Outcome: gateway.Outcome{Status: status, Settled: true}, Number: attempts,
				})
			}
			s.record(copies)
		}
		err := s.batches(m, i, func(b *gateway.Batch) {
			for n := range b.Deliveries {
				record(&b.Deliveries[n], b.Attempt, pendingOf(&b.Deliveries[n]))
			}
		})
		if err != nil {
			s.log.Error("delivery log", "error", err)
		}
		if leg.Batches == 0 && leg.Stage != gateway.StageDone {
			record(&gateway.Delivery{}, 0, slices.Concat(m.RecipientsOf(leg), leg.Added))
		}
	}
}

// unreached are the recipients, in the words of who sent the message, that a leg
// has yet to reach: of a forward route those that are pending, of a list its
// address.
func (s *Server) unreached(m *gateway.Message, i int) ([]gateway.Recipient, error) {
	leg := &m.Legs[i]
	var pending []gateway.Recipient
	err := s.batches(m, i, func(b *gateway.Batch) {
		for d := range b.Deliveries {
			pending = append(pending, pendingOf(&b.Deliveries[d])...)
		}
	})
	expanded := leg.Batches > 0 || leg.Stage == gateway.StageDone
	if err != nil || expanded && len(pending) == 0 {
		return nil, err
	}
	if expanded && leg.Service == gateway.Forward {
		return pending, nil
	}
	return m.RecipientsOf(leg), nil
}

func pendingOf(d *gateway.Delivery) (pending []gateway.Recipient) {
	for _, i := range d.Unsettled() {
		pending = append(pending, d.Recipients[i])
	}
	return pending
}
