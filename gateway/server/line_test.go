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

// While contents are being taken up, deliveries keep one hand, but not for long.
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
		calm := int32(runtime.GOMAXPROCS(0))
		l.yield.taking.Store(calm + 1)
		expect("busy", 1)
		l.yield.taking.Store(calm)
		expect("calm", handsMax)
		l.yield.taking.Store(calm + 1)
		expect("busy again", 1)
		time.Sleep(yieldMax)
		expect("busy for too long", handsMax)
	})
}
