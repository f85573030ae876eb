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

// place is that of one who waits. The line guards it.
type place struct {
	envelope []byte        // nil may not go before the turn
	early    bool          // it may go now, if it is not out
	out      bool          // it is out, or about to be
	turn     bool          // is here
	news     chan struct{} // full when early or turn has changed
}

func newPlace(envelope []byte) *place {
	return &place{envelope: envelope, news: make(chan struct{}, 1)}
}

func (p *place) tell() {
	select {
	case p.news <- struct{}{}:
	default: // it has not looked yet
	}
}

// allow has p write its envelope, since the final dot before it is out.
func (p *place) allow() {
	if p.envelope != nil && !p.out {
		p.early = true
		p.tell()
	}
}

func (p *place) giveTurn() {
	p.turn = true
	p.tell()
}

// try takes the turn where nobody has it.
func (l *line) try() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	free := !l.busy
	l.busy = true
	return free
}

// join puts p at the end.
func (l *line) join(p *place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.busy {
		l.busy = true
		p.giveTurn()
		return
	}
	l.waiting = append(l.waiting, p)
	if l.open { // and nobody else waits
		l.open = false
		p.allow()
	}
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

// dotIsOut lets the first who waits, or who comes, write its own envelope if it is
// not out.
func (l *line) dotIsOut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open = len(l.waiting) == 0; !l.open {
		l.waiting[0].allow()
	}
}

// wait returns when the turn of p comes, or with an error when ctx ends before;
// then p is in the line no more. write is called if the envelope is to go early.
func (l *line) wait(ctx context.Context, p *place, write func()) error {
	for {
		select {
		case <-p.news:
		case <-ctx.Done():
			return l.giveUp(p, ctx.Err())
		}
		turn, early := l.look(p)
		if turn {
			return nil
		}
		if early {
			write()
		}
	}
}

func (l *line) look(p *place) (turn, early bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	early = p.early && !p.out && !p.turn
	p.out = p.out || early
	return p.turn, early
}

// giveUp takes p out of the line, unless its turn has come.
func (l *line) giveUp(p *place, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.waiting, p)
	if i < 0 {
		return nil
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	return err
}

// leave gives the turn to the next.
func (l *line) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = false
	if l.busy = len(l.waiting) > 0; l.busy {
		l.waiting[0].giveTurn()
		l.waiting = slices.Delete(l.waiting, 0, 1)
	}
}
