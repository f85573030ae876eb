package pipeline

import (
	"context"
	"sync"

	"github.com/mmgw/mmgw/gateway"
)

// legID names one leg of a message.
type legID struct {
	message gateway.QueueID
	leg     int
}

// ledger makes the outcomes of one leg durable, those of all its batches that are being
// delivered, and shares commits among them.
type ledger struct {
	runs   int // batchRuns that use it; guarded by Deliverer.mu
	commit func(settlement) error

	mu       sync.Mutex
	gathered settlement // for the next commit
	writing  bool       // a goroutine is committing, and goes on until nothing is gathered
}

// openLedger returns the ledger of a leg; close is called after the last outcome.
func (d *Deliverer) openLedger(ctx context.Context, m *gateway.Message, leg int) (l *ledger, close func()) {
	key := legID{m.ID, leg}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ledgers == nil {
		d.ledgers = map[legID]*ledger{}
	}
	l = d.ledgers[key]
	if l == nil {
		l = &ledger{commit: func(s settlement) error {
			if d.Attempted != nil {
				d.Attempted(s.attempts)
			}
			return d.commit(ctx, m, gateway.Transition{Message: m.ID, Leg: leg, Outcomes: s.outcomes})
		}}
		d.ledgers[key] = l
	}
	l.runs++
	return l, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if l.runs--; l.runs == 0 {
			delete(d.ledgers, key)
		}
	}
}

// settlement is the outcomes that become durable by one commit: those that came while
// the commit before was being written.
type settlement struct {
	outcomes []gateway.LegOutcome
	attempts []Attempt
	done     []func(error)
}

// add has an outcome made durable, together with those that come meanwhile, and then
// calls done. It does not wait for that.
func (l *ledger) add(outcome gateway.LegOutcome, attempts []Attempt, done func(error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.gathered
	s.outcomes = append(s.outcomes, outcome)
	s.attempts = append(s.attempts, attempts...)
	s.done = append(s.done, done)
	if !l.writing {
		l.writing = true
		go l.write()
	}
}

// write commits what is gathered until there is nothing more.
func (l *ledger) write() {
	for s, ok := l.take(); ok; s, ok = l.take() {
		err := l.commit(s)
		for _, done := range s.done {
			done(err)
		}
	}
}

func (l *ledger) take() (s settlement, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, l.gathered = l.gathered, settlement{}
	l.writing = len(s.done) > 0
	return s, l.writing
}
