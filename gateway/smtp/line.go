package smtp

import (
	"context"
	"slices"
	"sync"
)

// line is who may speak on a connection, one at a time from MAIL to the last
// reply, and who waits for that, in the order of coming. The first who waits may
// have its envelope out before: behind the final dot of who speaks.
type line struct {
	mu      sync.Mutex
	busy    bool // somebody speaks
	open    bool // whose final dot is out, and nothing behind it
	waiting []*place
}

// place is that of one who waits.
type place struct {
	envelope []byte        // nil may not go before the turn
	out      bool          // it did
	turn     chan struct{} // closed when the turn comes
}

func newPlace(envelope []byte) *place { return &place{envelope: envelope, turn: make(chan struct{})} }

// try takes the turn where nobody has it.
func (l *line) try() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	free := !l.busy
	l.busy = true
	return free
}

// join puts p at the end. write says that its envelope is to be written now.
func (l *line) join(p *place) (write bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.busy {
		l.busy = true
		close(p.turn)
		return false
	}
	l.waiting = append(l.waiting, p)
	if l.open && p.envelope != nil { // nobody else waits
		l.open, p.out = false, true
	}
	return p.out
}

// next takes the envelope that is to go behind a final dot, nil for none.
func (l *line) next() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return nil
	}
	p := l.waiting[0]
	p.out = p.envelope != nil
	return p.envelope
}

// dotIsOut lets who comes next write its own envelope, if nobody waits.
func (l *line) dotIsOut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = len(l.waiting) == 0
}

// wait returns when the turn of p comes, or with an error when ctx ends before.
// Then p is in the line no more.
func (l *line) wait(ctx context.Context, p *place) error {
	select {
	case <-p.turn:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.waiting, p)
	if i < 0 { // the turn has come as well
		return nil
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	return ctx.Err()
}

// leave gives the turn to the next.
func (l *line) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = false
	if l.busy = len(l.waiting) > 0; l.busy {
		close(l.waiting[0].turn)
		l.waiting = slices.Delete(l.waiting, 0, 1)
	}
}
