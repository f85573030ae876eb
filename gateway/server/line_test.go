package server

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/queue"
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

func TestHeldDuringAnAttempt(t *testing.T) {
	var l line
	l.add([]gateway.Entry{entry(1)})
	e := take(t, &l)
	l.change(func(q *queue.Queue) { q.Remove(1) })
	l.done(e, entry(1), true)
	if entries, _ := l.next(); len(entries) != 0 {
		t.Errorf("a held message goes on being tried: %v", entries)
	}
}

func TestReleasedDuringAnAttempt(t *testing.T) {
	var l line
	l.add([]gateway.Entry{entry(1)})
	e := take(t, &l)
	l.change(func(q *queue.Queue) { q.Remove(1) })
	l.add([]gateway.Entry{entry(1)})
	if entries, wait := l.next(); len(entries) != 0 || wait > busyDelay {
		t.Fatalf("two attempts at a time: %v, wait %v", entries, wait)
	}
	l.done(e, entry(1), true)
	take(t, &l)
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
