package server

import (
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/queue"
	"github.com/mmgw/mmgw/gateway/store"
)

func entry(message gateway.QueueID) gateway.Entry {
	return gateway.Entry{Message: message, Due: time.Now().Add(-time.Minute)}
}

// take takes the only entry that is due.
func take(t *testing.T, l *line) gateway.Entry {
	t.Helper()
	entries, _ := l.next()
	if len(entries) != 1 {
		t.Fatalf("%d entries are due", len(entries))
	}
	return entries[0]
}

func TestWhatIsLeftGoesBack(t *testing.T) {
	var l line
	l.add([]gateway.Entry{entry(1)})
	e := take(t, &l)
	l.done(e, entry(1), true)
	l.done(take(t, &l), e, false)
	if entries, wait := l.next(); len(entries) != 0 || wait != time.Hour {
		t.Errorf("%v, wait %v", entries, wait)
	}
}

// A clock that is set while nothing is due is seen within a minute.
func TestClockIsLookedAt(t *testing.T) {
	var l line
	late := entry(1)
	late.Due = time.Now().Add(3 * time.Hour)
	l.add([]gateway.Entry{late})
	if entries, wait := l.next(); len(entries) != 0 || wait > time.Minute {
		t.Errorf("%v, wait %v", entries, wait)
	}
}

func TestHeldDuringAnAttempt(t *testing.T) {
	for _, left := range []bool{true, false} {
		var l line
		l.add([]gateway.Entry{entry(1)})
		e := take(t, &l)
		l.change(func(q *queue.Queue) { q.Hold(1) })
		l.done(e, entry(1), left)
		if entries, _ := l.next(); len(entries) != 0 || l.count().Held == 1 != left {
			t.Errorf("left %t: %v is tried, %+v", left, entries, l.count())
		}
	}
}

func TestDroppedDuringAnAttempt(t *testing.T) {
	var l line
	l.add([]gateway.Entry{entry(1)})
	e := take(t, &l)
	l.change(func(q *queue.Queue) { q.Remove(1) })
	l.done(e, entry(1), true)
	if n := l.count(); n != (queue.Count{}) {
		t.Errorf("a dropped message is in the queue: %+v", n)
	}
}

// TestReleasedDuringAnAttempt: it goes on, also where the attempt found it held.
func TestReleasedDuringAnAttempt(t *testing.T) {
	for _, stage := range []gateway.Stage{gateway.StageAccepted, gateway.StageHeld} {
		synctest.Test(t, func(t *testing.T) {
			var l line
			l.add([]gateway.Entry{entry(1)})
			e := take(t, &l)
			l.change(func(q *queue.Queue) { q.Hold(1) })
			l.add([]gateway.Entry{entry(1)})
			if entries, wait := l.next(); len(entries) != 0 || wait > busyDelay {
				t.Fatalf("two attempts at a time: %v, wait %v", entries, wait)
			}
			e.Stage = stage
			l.done(e, e, true)
			time.Sleep(busyDelay)
			take(t, &l)
		})
	}
}

// While contents are being taken up, deliveries wait, but not for long.
func TestYield(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line
		for i := range gateway.QueueID(100) {
			l.add([]gateway.Entry{entry(i + 1)})
		}
		hands := func() int {
			entries, _ := l.next()
			for _, e := range entries {
				l.done(e, e, false)
			}
			return len(entries)
		}
		expect := func(when string, want int) {
			t.Helper()
			if got := hands(); got != want {
				t.Errorf("%s: %d hands, want %d", when, got, want)
			}
		}
		burst := func() {
			many := busyShare*runtime.GOMAXPROCS(0) + 1
			for range many {
				l.yield.begin()
			}
			for range many {
				l.yield.end()
			}
		}
		expect("calm", handsMax)
		burst()
		expect("busy", 0)
		time.Sleep(calmMin)
		expect("calm again", handsMax)
		burst()
		expect("busy again", 0)
		time.Sleep(burstMax)
		burst()
		expect("busy for long", 1)
		time.Sleep(yieldMax - burstMax)
		burst()
		expect("busy for too long", handsMax)
	})
}

// A batch of a large list has its hand for a turn, and lays it down when the
// post of a small list waits; while nobody else does it keeps it.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line
		batch := func(list gateway.ListID, n int) gateway.Entry {
			e := entry(1)
			e.List, e.Batch = list, n
			return e
		}
		for n := range 2 * handsMax {
			l.add([]gateway.Entry{batch("large", n)})
		}
		entries, _ := l.next()
		if len(entries) != handsMax {
			t.Fatalf("%d entries in hand", len(entries))
		}
		stop := make(chan struct{})
		enough, end := l.hand(entries[0], stop)
		time.Sleep(10 * turnMin)
		select {
		case <-enough:
			t.Error("it is laid down for the same list's sake")
		default:
		}
		l.add([]gateway.Entry{batch("small", 100)})
		l.next()
		began := time.Now()
		<-enough
		if took := time.Since(began); took > turnMin {
			t.Errorf("it takes %v", took)
		}
		end()
		l.done(entries[0], entries[0], true)
		l.done(entries[3], entries[3], true)
		if next, _ := l.next(); len(next) != 2 || next[0].List == next[1].List {
			t.Errorf("the turns are those of %v", next)
		}
		_, end = l.hand(entries[1], stop)
		enough, endOther := l.hand(entries[2], stop)
		end()
		close(stop)
		<-enough
		endOther()
	})
}

// faultySpool gives an error for some time, and has nothing then.
type faultySpool struct {
	gateway.Spool
	until time.Time
	err   error
	loads int
}

func (s *faultySpool) Load(gateway.QueueID) (*gateway.Message, error) {
	s.loads++
	if time.Now().Before(s.until) {
		return nil, s.err
	}
	return nil, gateway.ErrNotSpooled
}

// A full disk puts nothing off: what is due waits for it in hand, and goes on as
// soon as there is room. Other faults of ours are for the back-off.
func TestWaitForTheDisk(t *testing.T) {
	unwritable := store.Full(fmt.Errorf("%w: no space", store.ErrUnwritable))
	for _, test := range []struct {
		name  string
		err   error
		stop  bool
		took  time.Duration
		loads int
		left  bool
	}{
		{"an hour without room", unwritable, false, time.Hour, int(time.Hour/diskInterval) + 1, false},
		{"the gateway stops", unwritable, true, 0, 1, true},
		{"another fault", gateway.Deferred(nil), false, 0, 1, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			spool := &faultySpool{until: time.Now().Add(time.Hour), err: test.err}
			s := Server{log: slog.New(slog.DiscardHandler), expander: &pipeline.Expander{Spool: spool}, deliverer: &pipeline.Deliverer{}}
			begun, stop := time.Now(), make(chan struct{})
			if test.stop {
				close(stop)
			}
			e := entry(1)
			e.Batch = gateway.ExpandLeg
			_, left := s.handle(t.Context(), e, stop)
			if took := time.Since(begun); took != test.took || spool.loads != test.loads || left != test.left {
				t.Errorf("%s: %d attempts in %v, left %v; want %d in %v, %v", test.name, spool.loads, took, left, test.loads, test.took, test.left)
			}
		})
	}
}

// What was stored by a clock that was ahead does not wait until that time comes.
func TestDatedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{cfg: &config.Config{MTA: config.MTA{DeliveryRetryPeriod: 24 * time.Hour}}}
		now := time.Now()
		const year = 365 * 24 * time.Hour
		for _, test := range []struct {
			batch, attempt int
			ahead, want    time.Duration
		}{
			{gateway.ExpandLeg, 0, -time.Hour, -time.Hour},
			{gateway.ExpandLeg, 0, year, 0},
			{0, 1, queue.RetryDelayMax, queue.RetryDelayMax},
			{0, 1, year, 0},
			{0, 0, year, year},
		} {
			e := s.dated(gateway.Entry{Batch: test.batch, Attempt: test.attempt, Due: now.Add(test.ahead)})
			if got := e.Due.Sub(now); got != test.want || e.Expires.Sub(e.Due) != 24*time.Hour {
				t.Errorf("%+v: due in %v, at its end %v later", test, got, e.Expires.Sub(e.Due))
			}
		}
	})
}
