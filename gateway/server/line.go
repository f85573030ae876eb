package server

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/queue"
	"github.com/mmgw/mmgw/gateway/spool"
	"github.com/mmgw/mmgw/gateway/store"
)

// handsMax is the load of one lane that is worked on at the same time (see
// queue.Queue.LaneMax): 32 batches of small lists, which share syncs of the disk, or 8
// of a thousand recipients, which keep all connections to a next hop busy. More would
// take memory, and time from the intake.
const handsMax = 32

// routesHandsMax is the load of all next hops together, except the upstream MTA.
// Without it hundreds of forward routes that hang, or have a backlog, would take 1 to 3
// MiB each.
const routesHandsMax = 1024

// line is the queue with a lock and a bell. The zero value is ready.
type line struct {
	mu    sync.Mutex
	queue queue.Queue
	yield yield
	bell  chan struct{}
	busy  map[gateway.BatchKey]bool // being worked on, whether or not the queue still has them
}

// ring returns the channel on which changes ring.
func (l *line) ring() chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bellLocked()
}

func (l *line) bellLocked() chan struct{} {
	if l.bell == nil {
		l.bell = make(chan struct{}, 1)
	}
	return l.bell
}

// add puts entries into the queue.
func (l *line) add(entries []gateway.Entry) {
	l.change(func(q *queue.Queue) {
		for _, e := range entries {
			q.Add(e)
		}
	})
}

// change changes the queue and rings.
func (l *line) change(f func(*queue.Queue)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.queue)
	select {
	case l.bellLocked() <- struct{}{}:
	default:
	}
}

// count counts the entries.
func (l *line) count() queue.Count {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queue.Count()
}

// next takes what is due, as far as there are hands for it, and says how long it takes
// until more may be due.
func (l *line) next() (entries []gateway.Entry, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	hands := l.yield.hands(now, l.due(now))
	if hands == 0 {
		return nil, calmMin
	}
	l.queue.LaneMax, l.queue.RoutesMax = hands, routesHandsMax
	for _, e := range l.queue.Next(now, math.MaxInt) {
		if key := keyOf(e); !l.busy[key] {
			l.take(key)
			entries = append(entries, e)
			continue
		}
		e.Due = now.Add(busyDelay) // it was held and released while an attempt is in progress
		l.queue.Add(e)
	}
	at, ok := l.queue.Wake()
	if !ok {
		return entries, time.Hour
	}
	return entries, min(max(at.Sub(now), 0), clockInterval)
}

// clockInterval is how often the clock is looked at while something waits: timers do
// not notice that it was set.
const clockInterval = time.Minute

// due says whether there are entries that are due and not being worked on.
func (l *line) due(now time.Time) bool {
	at, ok := l.queue.Wake()
	return ok && !at.After(now) || l.queue.Count().Ready > 0
}

// busyDelay is how long an entry waits for an attempt that is in progress.
const busyDelay = time.Second

func keyOf(e gateway.Entry) gateway.BatchKey {
	return gateway.BatchKey{Message: e.Message, Leg: e.Leg, Number: e.Batch}
}

func (l *line) take(key gateway.BatchKey) {
	if l.busy == nil {
		l.busy = map[gateway.BatchKey]bool{}
	}
	l.busy[key] = true
}

// turnMin is how long an entry keeps its hand although others wait for one: long
// compared with reading a batch again, and short enough that the post of a small list
// does not wait for those of large ones.
const turnMin = time.Second

// hand closes enough when the work on an entry is to stop: when stop closes, or when the
// entry keeps others waiting. end is to be called when the work has ended.
func (l *line) hand(e gateway.Entry, stop <-chan struct{}) (enough <-chan struct{}, end func()) {
	over, laidDown := make(chan struct{}), make(chan struct{})
	go func() {
		turn := time.NewTicker(turnMin)
		defer turn.Stop()
		for {
			select {
			case <-laidDown:
				return
			case <-stop:
				close(over)
				return
			case <-turn.C:
				if l.crowded(e) {
					close(over)
					return
				}
			}
		}
	}()
	return over, func() { close(laidDown) }
}

func (l *line) crowded(e gateway.Entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queue.Crowded(&e)
}

// done ends the work on an entry. What is left of it goes back into the queue, unless an
// operator or a moderator held, dropped or released it meanwhile. If nothing is left it
// is removed in any case.
func (l *line) done(e gateway.Entry, next gateway.Entry, left bool) {
	l.change(func(q *queue.Queue) {
		delete(l.busy, keyOf(e))
		if left {
			q.Return(next)
		} else {
			q.Done(keyOf(e))
		}
	})
}

// mended has everything that was put off for a fault of ours tried at once: modules or
// settings have changed.
func (l *line) mended() {
	l.change(func(q *queue.Queue) {
		for e := range q.All() {
			if e.Fault != "" {
				q.Retry(keyOf(*e), time.Now())
			}
		}
	})
}

// putOff returns the entry of a leg that was put off for a fault of ours.
func (l *line) putOff(id gateway.QueueID, leg int) (e gateway.Entry, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok = l.queue.Find(gateway.BatchKey{Message: id, Leg: leg, Number: gateway.ExpandLeg})
	return e, ok && e.Fault != ""
}

// work takes what is due from the line until stop closes, and then waits for the work in
// progress. Transactions in progress end with ctx.
func (s *Server) work(ctx context.Context, stop <-chan struct{}) {
	var working sync.WaitGroup
	defer working.Wait()
	bell := s.line.ring()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		entries, wait := s.line.next()
		for _, e := range entries {
			working.Go(func() {
				enough, end := s.line.hand(e, stop)
				next, left := s.handle(ctx, e, enough)
				end()
				s.line.done(e, next, left)
			})
		}
		timer.Reset(wait)
		select {
		case <-stop:
			return
		case <-bell:
		case <-timer.C:
		}
	}
}

// diskInterval is how often an entry that waits for the disk is tried again.
const diskInterval = time.Second

// handle does the work for one entry and returns what is left of it. While the disk takes
// nothing it keeps the entry and waits: other entries could not write either.
func (s *Server) handle(ctx context.Context, e gateway.Entry, stop <-chan struct{}) (next gateway.Entry, left bool) {
	for waits := false; ; waits = true {
		next, left, err := s.attempt(ctx, e, stop)
		switch {
		case errors.Is(err, gateway.ErrNotSpooled), errors.Is(err, spool.ErrDamaged):
			s.log.Warn("not in the queue any more", "id", e.Message.String(), "reason", err)
			return e, false
		case errors.Is(err, pipeline.ErrHeld):
			e.Stage = gateway.StageHeld
			return e, true
		case err != nil && ctx.Err() != nil:
			return e, true
		case err != nil && !errors.Is(err, store.ErrUnwritable):
			return s.postpone(e, err)
		case err == nil:
			return next, left
		}
		if !waits {
			s.log.Warn("waits for the disk", "id", e.Message.String(), "leg", e.Leg, "batch", e.Batch, "error", err)
		}
		select {
		case <-stop:
			return e, true
		case <-time.After(diskInterval):
		}
	}
}

func (s *Server) attempt(ctx context.Context, e gateway.Entry, stop <-chan struct{}) (next gateway.Entry, left bool, err error) {
	if e.Batch == gateway.ExpandLeg {
		return e, false, s.expander.Expand(ctx, e)
	}
	return s.deliverer.Deliver(ctx, e, stop)
}

// postpone puts off an entry that met a fault of ours. When its time is up it is held
// for an owner: a fault of ours bounces and loses nothing.
func (s *Server) postpone(e gateway.Entry, fault error) (gateway.Entry, bool) {
	now := time.Now()
	s.log.Error("put off", "id", e.Message.String(), "leg", e.Leg, "batch", e.Batch, "error", fault)
	if !e.Expires.IsZero() && now.After(e.Expires) {
		if err := s.hold(e.Message, pipeline.ByFault+gateway.Printable(fault.Error())); err == nil {
			e.Stage = gateway.StageHeld
			return e, true
		}
	}
	e.Fault = gateway.Printable(fault.Error())
	e.Attempt++
	e.Due = s.deliverer.Retry.Next(e.Attempt, now, time.Time{})
	return e, true
}
