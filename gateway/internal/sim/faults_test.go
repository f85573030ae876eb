package sim

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/pipeline"
)

// fault is something that a gateway must not do. A game with one is a control:
// the ledger has to find out. "" is none.
type fault string

const (
	forgets   fault = "confirms what it never spooled"
	promises  fault = "answers with 250 what it did not take"
	doubles   fault = "takes a message twice"
	skips     fault = "leaves a member out"
	repeats   fault = "does not write outcomes down"
	hurries   fault = "goes back in time"
	decorates fault = "forgets what outgoing handlers said"
	cuts      fault = "leaves the end of a content out"
	answers   fault = "bounces bounces"
	hides     fault = "tells no moderator"
	keeps     fault = "holds for ever"
)

// faults are all of them, with a part of what the ledger says of each.
var faults = map[fault]string{
	forgets:   "is lost",
	promises:  "and is not in the spool",
	doubles:   "which nobody accepted",
	skips:     "is neither delivered nor given up",
	repeats:   "is tried again after",
	hurries:   "is due at",
	decorates: "outgoing handlers run again",
	cuts:      "octets that are not those of the message",
	answers:   "bounces the bounce",
	hides:     "nobody was told that",
	keeps:     "is held for ever",
}

func (f fault) accept(ctx context.Context, s gateway.Spool, m *gateway.Message) ([]int, error) {
	switch f {
	case forgets:
		return nil, nil
	case doubles:
		twin := *m
		if id, w, err := s.Begin(time.Now(), false); err == nil {
			twin.ID, twin.Digest = id, [32]byte{}
			if r, err := m.Content.Open(); err == nil {
				io.Copy(w, r)
				r.Close()
			}
			if twin.Content, err = w.Content(); err == nil {
				s.Accept(ctx, &twin)
			}
			w.Discard()
		}
	}
	return s.Accept(ctx, m)
}

func (f fault) commit(ctx context.Context, s gateway.Spool, t gateway.Transition) error {
	switch f {
	case skips:
		t.Batches = slices.Clone(t.Batches)
		for i, b := range t.Batches {
			if n := len(b.Deliveries); n > 1 && b.Attempt == 0 {
				less := *b
				less.Deliveries = b.Deliveries[:n-1]
				t.Batches[i] = &less
			}
		}
	case repeats:
		if len(t.Outcomes) > 0 || slices.ContainsFunc(t.Batches, func(b *gateway.Batch) bool { return b.Attempt > 0 }) {
			return nil
		}
	case hurries:
		t.Batches = slices.Clone(t.Batches)
		for i, b := range t.Batches {
			early := *b
			early.Due = early.Due.Add(-time.Duration(b.Attempt) * 240 * time.Hour)
			t.Batches[i] = &early
		}
	case decorates:
		if t.State != nil && t.State.Stage == gateway.StageExpanding {
			t.State = nil
		}
	}
	return s.Commit(ctx, t)
}

func (f fault) fate(fate pipeline.Fate) pipeline.Fate {
	if f == answers && fate.ReversePath.IsNull() {
		fate.ReversePath = "stranger@others.example"
	}
	return fate
}

func (f fault) heldFor(d time.Duration) time.Duration {
	if f == keeps {
		return 1000 * d
	}
	return d
}

// service does what a leg is for.
type service = func(context.Context, *gateway.Message, *gateway.Leg) error

func (f fault) telling(tell service) service {
	if f == hides {
		return func(context.Context, *gateway.Message, *gateway.Leg) error { return nil }
	}
	return tell
}

func (f fault) intake(in gateway.Intake) gateway.Intake {
	if f == promises {
		return promising{in}
	}
	return in
}

// promising says yes to all messages.
type promising struct{ gateway.Intake }

// Message implements gateway.Intake.
func (p promising) Message(ctx context.Context, c gateway.Client, e *gateway.Envelope, content io.Reader) []*gateway.Status {
	replies := p.Intake.Message(ctx, c, e, content)
	return slices.Repeat([]*gateway.Status{gateway.Accepted}, len(replies))
}

func (f fault) transport(t gateway.Transport) gateway.Transport {
	if f == cuts {
		return cutting{t}
	}
	return t
}

// cutting sends all but the last octets.
type cutting struct{ gateway.Transport }

// Deliver implements gateway.Transport.
func (c cutting) Deliver(ctx context.Context, route string, next func() (*gateway.Shipment, int)) {
	c.Transport.Deliver(ctx, route, func() (*gateway.Shipment, int) {
		s, left := next()
		if s == nil {
			return nil, left
		}
		cut := *s
		cut.Content = func() (gateway.Content, error) {
			content, err := s.Content()
			if err != nil {
				return nil, err
			}
			text, err := read(content)
			return gateway.Bytes(text[:max(len(text)-3, 0)]), err
		}
		return &cut, left
	})
}
