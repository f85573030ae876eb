package pipeline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// fullSpool is a spool whose commits fail with err until it is nil.
type fullSpool struct {
	gateway.Spool
	commits int
	err     func(commits int) error
}

func (s *fullSpool) Commit(context.Context, gateway.Transition) error {
	s.commits++
	return s.err(s.commits)
}

// A copy that went out while the disk takes nothing does not go out again: its
// outcome waits for the disk, unless nobody wants it any more.
func TestOutcomeWaitsForTheDisk(t *testing.T) {
	full := store.Full(syscall.ENOSPC)
	for _, test := range []struct {
		name    string
		err     func(commits int) error
		commits int
		want    error
	}{
		{"taken", func(int) error { return nil }, 1, nil},
		{"full for a while", func(n int) error {
			if n < 4 {
				return full
			}
			return nil
		}, 4, nil},
		{"dropped meanwhile", func(n int) error {
			if n < 2 {
				return full
			}
			return gateway.ErrNotSpooled
		}, 2, gateway.ErrNotSpooled},
		{"full until the end", func(int) error { return full }, 3, full},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*commitInterval/2)
			defer cancel()
			if test.want == nil {
				ctx = t.Context()
			}
			s := &fullSpool{err: test.err}
			d := &Deliverer{Spool: s}
			if err := d.commit(ctx, &gateway.Message{}, gateway.Transition{}); !errors.Is(err, test.want) || s.commits != test.commits {
				t.Errorf("%s: %d commits and %v, want %d and %v", test.name, s.commits, err, test.commits, test.want)
			}
		})
	}
}

// slowSpool is a spool whose first commit waits for a word.
type slowSpool struct {
	gateway.Spool
	begun, word chan struct{}
	committed   [][]gateway.LegOutcome
}

func (s *slowSpool) Commit(_ context.Context, t gateway.Transition) error {
	if s.committed = append(s.committed, t.Outcomes); len(s.committed) == 1 {
		close(s.begun)
		<-s.word
	}
	return nil
}

// Outcomes that come while a commit is under way become durable together by
// the next one, those of all batches of the leg, and each transaction is told of the
// one that has its own.
func TestOutcomesShareCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 20
		s := &slowSpool{begun: make(chan struct{}), word: make(chan struct{})}
		var attempts int
		d := &Deliverer{Spool: s, Attempted: func(a []Attempt) { attempts += len(a) }}
		var runs [2]batchRun
		for i := range runs {
			ledger, laidDown := d.openLedger(t.Context(), &gateway.Message{}, 0)
			defer laidDown()
			runs[i] = batchRun{
				copies: copies{Deliverer: d, b: &gateway.Batch{Number: i, Deliveries: make([]gateway.Delivery, n)}},
				ledger: ledger, pending: n + 1,
			}
		}
		settled := 0
		settle := func(i int) {
			r := &runs[i%len(runs)]
			ok := []gateway.Outcome{{Status: gateway.Accepted, Settled: true}}
			r.settle(t.Context(), outcomes{delivery: i, all: ok, tried: []int{0}, attempts: make([]Attempt, 1)}, func() { settled++ })
		}
		settle(0)
		<-s.begun
		for i := 1; i < n; i++ {
			settle(i)
		}
		synctest.Wait()
		if settled > 0 {
			t.Error("outcomes are settled before they are durable")
		}
		close(s.word)
		for i := range runs {
			runs[i].settling.Wait()
		}
		if settled != n || len(s.committed) != 2 || len(s.committed[0]) != 1 || len(s.committed[1]) != n-1 || attempts != n {
			t.Errorf("%d commits, %d attempts told: %+v", len(s.committed), attempts, s.committed)
		}
	})
}

// Of a host that takes two recipients in a transaction each recipient's outcome is
// booked once; the record of an attempt names the modules.
func TestLeftForAnotherTransaction(t *testing.T) {
	h := newHouse(t, devList("anne@example.com", "bart@example.com", "cris@example.com", "dora@example.com", "edna@example.com"))
	h.plan = func(*gateway.Exchange) (gateway.Plan, error) { return gateway.Plan{Module: "deliver@12ab"}, nil }
	var tried []string
	h.transport = func(d *gateway.Delivery, _ string) []*gateway.Status {
		statuses := make([]*gateway.Status, len(d.Recipients))
		for i := range min(2, len(statuses)) {
			statuses[i] = gateway.Accepted
			tried = append(tried, string(d.Recipients[i].Path))
		}
		return statuses
	}
	var attempts []Attempt
	h.deliverer.Attempted = func(a []Attempt) { attempts = append(attempts, a...) }
	h.post("anne@example.com", hello, "dev@lists.example.com")
	if later := h.settle(); len(later) > 0 || h.spooled() > 0 {
		t.Errorf("left: %v, %d spooled", later, h.spooled())
	}
	slices.Sort(tried)
	if want := []string{"anne@example.com", "bart@example.com", "cris@example.com", "dora@example.com", "edna@example.com"}; !slices.Equal(tried, want) {
		t.Errorf("tried %v", tried)
	}
	if len(attempts) != 5 || !strings.HasSuffix(attempts[4].Modules, "deliver@12ab") || attempts[4].Number != 1 {
		t.Errorf("%d attempts: %+v", len(attempts), attempts)
	}
}

// What was accepted while the clock was years ahead is given up in time.
func TestExpiresByAClockAhead(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	h.deliverer.Expiry = 5 * 24 * time.Hour
	h.transport = func(d *gateway.Delivery, _ string) []*gateway.Status {
		return []*gateway.Status{{Code: 451, Enhanced: gateway.EnhancedCode{4, 3, 0}, Text: "later"}}
	}
	h.post("anne@example.com", hello, "dev@lists.example.com")
	h.entries[0].Expires = time.Now().AddDate(10, 0, 0)
	for range 2 {
		later := h.settle()
		if len(later) != 1 || later[0].Expires.After(time.Now().Add(h.deliverer.Expiry)) {
			t.Errorf("left: %+v", later)
		}
		h.entries = later
	}
}

// While a failure cannot be told, for a full disk say, its recipient is tried again,
// and those who have their copy get no other one.
func TestNotGivenUpUntold(t *testing.T) {
	h := newHouse(t, devList("anne@example.com", "gone@example.com"))
	h.plan = func(*gateway.Exchange) (gateway.Plan, error) { return gateway.Plan{}, nil }
	var tried []string
	h.transport = func(d *gateway.Delivery, _ string) (statuses []*gateway.Status) {
		for _, r := range d.Recipients {
			tried = append(tried, string(r.Path))
			status := gateway.Accepted
			if r.Path == "gone@example.com" {
				status = &gateway.Status{Code: 550, Enhanced: gateway.EnhancedCode{5, 1, 1}, Text: "no such user"}
			}
			statuses = append(statuses, status)
		}
		return statuses
	}
	told := 0
	h.deliverer.Failed = func(_ context.Context, f Fate) error {
		if told++; told == 1 {
			return store.Full(syscall.ENOSPC)
		}
		return nil
	}
	h.post("anne@example.com", hello, "dev@lists.example.com")
	later := h.settle()
	if len(later) != 1 || later[0].Attempt != 1 {
		t.Fatalf("left: %+v", later)
	}
	h.entries = later
	if later := h.settle(); len(later) > 0 || h.spooled() > 0 {
		t.Errorf("left in the end: %+v, %d spooled", later, h.spooled())
	}
	if want := []string{"anne@example.com", "gone@example.com", "gone@example.com"}; !slices.Equal(tried, want) || told != 2 {
		t.Errorf("tried %v, told %d times", tried, told)
	}
}
