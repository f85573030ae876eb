package server

import (
	"context"
	"errors"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// QueueRecipientsMax is how many recipients of a leg queue.show names.
const QueueRecipientsMax = 1000

// QueueID names a message for queue.show.
type QueueID struct {
	ID string `json:"id"`
}

// QueueMessage is one message of the spool, the result of queue.show.
type QueueMessage struct {
	ID          string     `json:"id"`
	Received    time.Time  `json:"received"`
	Client      string     `json:"client,omitempty"`
	ReversePath string     `json:"reverse_path"`
	Recipients  []string   `json:"recipients"`
	Size        int64      `json:"size"`
	Subject     string     `json:"subject,omitempty"`
	MessageID   string     `json:"message_id,omitempty"`
	Legs        []QueueLeg `json:"legs"`
}

// QueueLeg is one leg of a message.
type QueueLeg struct {
	List      string           `json:"list,omitempty"`
	Forward   string           `json:"forward,omitempty"`
	Service   string           `json:"service"`
	State     string           `json:"state"`
	Reason    string           `json:"reason,omitempty"` // as in QueueRow
	Handlers  []string         `json:"handlers,omitempty"`
	Edits     []string         `json:"edits,omitempty"`
	Expires   *time.Time       `json:"expires,omitempty"`
	Pending   int              `json:"pending"`   // recipients in batches
	Remaining []QueueRecipient `json:"remaining"` // the first QueueRecipientsMax of them
}

// QueueRecipient is a recipient that is still to be tried.
type QueueRecipient struct {
	Address     string    `json:"address"`
	Attempts    int       `json:"attempts"`
	NextAttempt time.Time `json:"next_attempt"`
	LastReply   string    `json:"last_reply,omitempty"`
}

func (s *Server) queueMessage(_ context.Context, args QueueID) (any, error) {
	m, err := s.message(args.ID)
	if err != nil {
		return nil, err
	}
	result := QueueMessage{
		ID: m.ID.String(), Received: m.Received, Client: clientText(m.Client),
		ReversePath: string(m.Envelope.ReversePath), Size: m.Content.Size(), Legs: []QueueLeg{},
	}
	for _, r := range m.Envelope.Recipients {
		result.Recipients = append(result.Recipients, string(r.Path))
	}
	if draft, err := gateway.OpenDraft(m.Content); err == nil {
		result.Subject = gateway.Printable(draft.Header.Get("Subject"))
		result.MessageID = gateway.Printable(draft.Header.Get("Message-ID"))
	}
	for i := range m.Legs {
		leg, err := s.queueLeg(m, i)
		if err != nil {
			return nil, err
		}
		result.Legs = append(result.Legs, leg)
	}
	return result, nil
}

// message loads a message by its id as text.
func (s *Server) message(text string) (*gateway.Message, error) {
	id, err := gateway.ParseQueueID(text)
	if err != nil {
		return nil, badData("%v", err)
	}
	return s.spool.Load(id)
}

func clientText(c gateway.Client) string {
	switch {
	case c.Addr.IsValid() && c.Name != "":
		return gateway.Printable(c.Name) + " [" + c.Addr.String() + "]"
	case c.Addr.IsValid():
		return "[" + c.Addr.String() + "]"
	}
	return gateway.Printable(c.Name)
}

func (s *Server) queueLeg(m *gateway.Message, i int) (QueueLeg, error) {
	leg := &m.Legs[i]
	row := QueueLeg{
		List: string(leg.List), Forward: leg.Forward, Service: string(leg.Service), State: stateName(leg.Stage),
		Reason: gateway.Printable(leg.Reason), Handlers: leg.Handlers, Remaining: []QueueRecipient{},
	}
	if e, ok := s.line.putOff(m.ID, i); ok {
		row.Reason = putOffReason + e.Fault
	}
	for _, e := range leg.Edits {
		row.Edits = append(row.Edits, e.String())
	}
	err := s.batches(m, i, func(b *gateway.Batch) {
		if !b.Expires.IsZero() {
			row.Expires = &b.Expires
		}
		for d := range b.Deliveries {
			row.addPending(b, &b.Deliveries[d])
		}
	})
	return row, err
}

// batches calls f for each batch of a leg that has something left to do.
func (s *Server) batches(m *gateway.Message, leg int, f func(*gateway.Batch)) error {
	for n := range m.Legs[leg].Batches {
		b, err := s.spool.Batch(gateway.BatchKey{Message: m.ID, Leg: leg, Number: n})
		switch {
		case errors.Is(err, gateway.ErrNotSpooled):
		case err != nil:
			return err
		default:
			f(b)
		}
	}
	return nil
}

func (l *QueueLeg) addPending(b *gateway.Batch, d *gateway.Delivery) {
	for i, r := range d.Recipients {
		var last gateway.Outcome
		if i < len(d.Outcomes) {
			last = d.Outcomes[i]
		}
		if last.Settled {
			continue
		}
		l.Pending++
		if len(l.Remaining) == QueueRecipientsMax {
			continue
		}
		row := QueueRecipient{Address: string(r.Path), Attempts: b.Attempt, NextAttempt: b.Due}
		if last.Status != nil {
			row.LastReply = last.Status.Reply()
		}
		l.Remaining = append(l.Remaining, row)
	}
}
