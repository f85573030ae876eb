package spool_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// The steps of a message's life. Each is one commit.
const (
	unknown = iota
	accepted
	expanded
	delivered // the outcome is known
	finished
)

// ledger is what the callers of a spool were told: of each message the last
// step that was confirmed, and the last that was asked for.
type ledger struct {
	mu       sync.Mutex
	messages map[gateway.QueueID]steps
}

type steps struct {
	confirmed, asked int
	content          []byte
}

func (l *ledger) change(id gateway.QueueID, f func(*steps)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.messages[id]
	f(&s)
	l.messages[id] = s
}

func (l *ledger) copy() map[gateway.QueueID]steps {
	l.mu.Lock()
	defer l.mu.Unlock()
	messages := map[gateway.QueueID]steps{}
	for id, s := range l.messages {
		messages[id] = s
	}
	return messages
}

// at cuts the power, and returns what that leaves with what callers had been
// told before and had asked for by then. Others go on meanwhile: what is
// confirmed only during the cut may be on the disk, and need not.
func (l *ledger) at(cut func() *store.Memory) (left *store.Memory, known map[gateway.QueueID]steps) {
	before := l.copy()
	left = cut()
	known = l.copy()
	for id, s := range known {
		s.confirmed = before[id].confirmed
		known[id] = s
	}
	return left, known
}

// take does one step and keeps the ledger.
func (l *ledger) take(id gateway.QueueID, content []byte, step int, f func() error) error {
	l.change(id, func(s *steps) { s.asked, s.content = step, content })
	err := f()
	if err == nil {
		l.change(id, func(s *steps) { s.confirmed = step })
	}
	return err
}

// live drives messages of these sizes through all steps. retry is asked after
// each error whether to do the step again.
func (l *ledger) live(f *fixture, sizes []int, retry func(error) bool) error {
	again := func(step func() error) error {
		err := step()
		for err != nil && retry(err) {
			err = step()
		}
		return err
	}
	for _, size := range sizes {
		var m *gateway.Message
		content := text(size)
		err := again(func() (err error) {
			m, err = l.accept(f, content)
			return err
		})
		for step := expanded; step <= finished && err == nil; step++ {
			err = again(func() error {
				return l.take(m.ID, content, step, func() error { return f.step(m, step) })
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) accept(f *fixture, content []byte) (*gateway.Message, error) {
	m, w, err := f.begin(content, noon)
	if w != nil {
		defer w.Discard()
	}
	if err != nil {
		return nil, err
	}
	return m, l.take(m.ID, content, accepted, func() error {
		dup, err := f.Accept(ctx, m)
		if dup != nil {
			err = errors.Join(err, errors.New("a message that was refused counts as accepted"))
		}
		return err
	})
}

func (f *fixture) step(m *gateway.Message, step int) error {
	switch step {
	case expanded:
		return f.expand(m, 1)
	case delivered:
		later := &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 2, 0}, Text: "later"}
		return f.Commit(ctx, gateway.Transition{Message: m.ID, Outcomes: []gateway.LegOutcome{{Outcomes: []gateway.Outcome{{Status: later}}}}})
	}
	b := batch(m.ID, 0, 1)
	b.Deliveries[0].Outcomes = []gateway.Outcome{{Status: gateway.Accepted, Settled: true}}
	return f.Commit(ctx, gateway.Transition{Message: m.ID, Batches: []*gateway.Batch{b}})
}

// observed is the step that a spool knows a message to have reached. A
// finished one is as unknown as one that never came.
func (f *fixture) observed(id gateway.QueueID, content []byte) (int, error) {
	m, err := f.Load(id)
	if errors.Is(err, gateway.ErrNotSpooled) {
		return unknown, nil
	}
	if err != nil {
		return 0, err
	}
	r, err := m.Content.Open()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	got := make([]byte, len(content))
	if _, err := r.ReadAt(got, 0); err != nil || !slices.Equal(got, content) {
		return 0, fmt.Errorf("content: %v", err)
	}
	if m.Legs[0].Stage == gateway.StageAccepted {
		return accepted, nil
	}
	b, err := f.Batch(gateway.BatchKey{Message: id})
	if err != nil {
		return unknown, err
	}
	if b.Deliveries[0].Outcomes == nil {
		return expanded, nil
	}
	return delivered, nil
}

// verify opens what a crash left and compares it with what was known then.
func verify(disk *store.Memory, known map[gateway.QueueID]steps) error {
	f, err := tryOpen(disk)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer f.db.Close()
	todo := map[gateway.QueueID]bool{}
	for e, err := range f.Entries() { // sweeps what was finished
		if err != nil {
			return err
		}
		todo[e.Message] = true
	}
	for id, s := range known {
		step, err := f.observed(id, s.content)
		switch gone := step == unknown && (s.confirmed == unknown || s.asked == finished); {
		case err != nil:
			return fmt.Errorf("%s: %w", id, err)
		case gone:
		case step < s.confirmed || step > s.asked || !todo[id]:
			return fmt.Errorf("%s: step %d, confirmed %d, asked for %d, listed %v", id, step, s.confirmed, s.asked, todo[id])
		}
	}
	return nil
}

// crashes runs some lives at once, and the power goes at each change of the disk.
func crashes(t *testing.T, keepPercent int, lie bool) (cuts int, failure error) {
	disk := store.NewMemory()
	f := open(t, disk)
	if lie {
		disk.IgnoreSync()
	}
	l := &ledger{messages: map[gateway.QueueID]steps{}}
	disk.BeforeWrite(func(op, path string) error {
		cuts++
		left, known := l.at(func() *store.Memory { return disk.Crash(keepPercent, uint64(cuts)) })
		if err := verify(left, known); err != nil && failure == nil {
			failure = fmt.Errorf("power cut %d, before %s %s: %w", cuts, op, path, err)
		}
		return nil
	})
	defer disk.BeforeWrite(nil)
	var group sync.WaitGroup
	for i := range 3 {
		group.Go(func() {
			if err := l.live(f, []int{100 + i, 70_000 + i, 3000 + i}, func(error) bool { return false }); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	return cuts, failure
}

// Whenever the power goes, what was confirmed is there, and whole.
func TestCrashAtEveryWrite(t *testing.T) {
	for _, keep := range []int{0, 50, 100} {
		t.Run(fmt.Sprintf("%d%%", keep), func(t *testing.T) {
			cuts, err := crashes(t, keep, false)
			if err != nil {
				t.Error(err)
			}
			if cuts < 50 {
				t.Errorf("only %d cuts: the test proves little", cuts)
			}
		})
	}
}

// On a disk that only says that it synced, the test above fails.
func TestControlWithoutSync(t *testing.T) {
	if _, err := crashes(t, 0, true); err == nil {
		t.Error("nothing is lost without sync: the crash test proves nothing")
	}
}

// The n-th change of the disk fails, for each n, by a full disk or a broken
// one: the callers get errors to try again after, and all is done in the end.
func TestErrorAtEveryWrite(t *testing.T) {
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		t.Run(fault.Error(), func(t *testing.T) {
			for n := 1; errorAt(t, n, fault); n++ {
			}
		})
	}
}

// errorAt says whether there was an n-th change.
func errorAt(t *testing.T, n int, fault error) bool {
	disk := store.NewMemory()
	f := open(t, disk)
	count := 0
	disk.BeforeWrite(func(op, path string) error {
		if count++; count == n {
			return fault
		}
		return nil
	})
	l := &ledger{messages: map[gateway.QueueID]steps{}}
	tries := 0
	err := l.live(f, []int{100, 70_000, 3000}, func(err error) bool {
		if class := gateway.AsStatus(err).Class(); class != gateway.Transient {
			t.Errorf("change %d: %v", n, err)
			return false
		}
		tries++
		return tries < 1_000_000
	})
	disk.BeforeWrite(nil)
	if err != nil {
		t.Errorf("change %d: %v", n, err)
	}
	if err := verify(disk.Crash(0, 0), l.copy()); err != nil {
		t.Errorf("change %d: %v", n, err)
	}
	if got := f.entries(); got != "" {
		t.Errorf("change %d: left over:\n%s", n, got)
	}
	f.db.Close()
	after := open(t, disk.Crash(100, 0))
	if got := after.entries(); got != "" {
		t.Errorf("change %d: left over after a crash:\n%s", n, got)
	}
	if got := after.files(t); len(got) != 0 {
		t.Errorf("change %d: contents left over: %v", n, got)
	}
	return count >= n
}
