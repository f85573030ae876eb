package queue

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Each file in testdata is a run of commands, a block each, with what they
// give after "----". The clock starts at 0.
//
//	add ID list=L route=R priority=P due=D expires=E attempt=N recipients=N held expand
//	advance D
//	take N
//	settle ID CODE...   what an attempt at a batch gave, and its next due time
//	return ID ...       as add
//	done ID | remove ID | hold ID | retry ID
//	lanes N [N]         LaneMax, RoutesMax
//	wake | count
func TestQueue(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no test files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := script{policy: Policy{Random: func() float64 { return 0 }}, taken: map[gateway.QueueID]gateway.Entry{}}
			for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
				commands, want, _ := strings.Cut(block, "\n----\n")
				var got []string
				for command := range strings.SplitSeq(commands, "\n") {
					if fields := strings.Fields(command); len(fields) > 0 && !strings.HasPrefix(command, "#") {
						got = append(got, s.run(t, fields)...)
					}
				}
				if got := strings.Join(got, "\n"); got != strings.TrimSuffix(want, "\n") {
					t.Errorf("%s\n---- got\n%s\n---- want\n%s", commands, got, want)
				}
			}
		})
	}
}

// The queue goes by the wall clock alone: a monotonic one does not tell when that one
// is set back.
func TestWallClock(t *testing.T) {
	var q Queue
	now := time.Now()
	q.Add(gateway.Entry{Message: 1, Due: now.Add(time.Hour), Expires: now.Add(2 * time.Hour)})
	q.Add(gateway.Entry{Message: 2, Due: now.Add(3 * time.Hour), Expires: now.Add(2 * time.Hour)})
	q.Next(now, 1)
	if q.last != now.Round(0) {
		t.Errorf("the latest time is %v", q.last)
	}
	for _, want := range []time.Duration{time.Hour, 2 * time.Hour} {
		at, _ := q.Wake()
		if at != now.Round(0).Add(want) {
			t.Errorf("due at %v, want %v later than %v", at, want, now)
		}
		q.Remove(1)
	}
	q.Retry(gateway.BatchKey{Message: 2}, now)
	if at, _ := q.Wake(); at != now.Round(0) {
		t.Errorf("due at %v, want %v", at, now)
	}
}

var start = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

type script struct {
	q      Queue
	policy Policy
	now    time.Duration
	taken  map[gateway.QueueID]gateway.Entry
}

func (s *script) at() time.Time { return start.Add(s.now) }

func (s *script) run(t *testing.T, fields []string) []string {
	switch command, args := fields[0], fields[1:]; command {
	case "add":
		s.q.Add(entry(t, args))
	case "lanes":
		s.q.LaneMax, s.q.RoutesMax = number(t, args[0]), 0
		if len(args) > 1 {
			s.q.RoutesMax = number(t, args[1])
		}
	case "advance":
		s.now += duration(t, args[0])
	case "take":
		return s.take(number(t, args[0]))
	case "settle":
		return []string{s.settle(t, s.taken[id(t, args[0])], args[1:])}
	case "done":
		s.q.Done(gateway.BatchKey{Message: id(t, args[0])})
	case "return":
		s.q.Return(entry(t, args))
	case "hold":
		return []string{fmt.Sprintf("held %d", len(s.q.Hold(id(t, args[0]))))}
	case "remove":
		s.q.Remove(id(t, args[0]))
	case "retry":
		n := 0
		for _, e := range s.q.Of(id(t, args[0])) {
			if s.q.Retry(keyOf(&e), s.at()) {
				n++
			}
		}
		return []string{fmt.Sprint(n)}
	case "count":
		return []string{fmt.Sprintf("%+v", s.q.Count())}
	case "wake":
		return []string{s.wake()}
	default:
		t.Fatalf("unknown command %s", command)
	}
	return nil
}

func (s *script) take(n int) []string {
	entries := s.q.Next(s.at(), n)
	names := []string{}
	for _, e := range entries {
		s.taken[e.Message] = e
		names = append(names, strings.TrimSpace(fmt.Sprintf("%d %s", e.Message, e.List)))
	}
	if len(names) == 0 {
		return []string{"nothing"}
	}
	return names
}

func (s *script) settle(t *testing.T, e gateway.Entry, codes []string) string {
	var statuses []*gateway.Status
	for _, code := range codes {
		n := number(t, code)
		statuses = append(statuses, &gateway.Status{Code: n, Enhanced: gateway.EnhancedCode{n / 100, 0, 0}, Text: "reply"})
	}
	outcomes := s.policy.Settle(statuses, s.at(), e.Expires)
	var words []string
	for _, o := range outcomes {
		words = append(words, fmt.Sprintf("%d settled=%v", o.Status.Code, o.Settled))
	}
	if !slices.ContainsFunc(outcomes, func(o gateway.Outcome) bool { return !o.Settled }) {
		s.q.Done(keyOf(&e))
		return strings.Join(append(words, "done"), ", ")
	}
	e.Attempt++
	e.Due = s.policy.Next(e.Attempt, s.at(), e.Expires)
	s.q.Add(e)
	return strings.Join(append(words, "due at "+e.Due.Sub(start).String()), ", ")
}

func (s *script) wake() string {
	at, ok := s.q.Wake()
	switch {
	case !ok:
		return "never"
	case at.IsZero():
		return "at once"
	}
	return at.Sub(start).String()
}

func entry(t *testing.T, args []string) gateway.Entry {
	e := gateway.Entry{Message: id(t, args[0]), Due: start}
	for _, arg := range args[1:] {
		switch key, value, _ := strings.Cut(arg, "="); key {
		case "list":
			e.List = gateway.ListID(value)
		case "priority":
			e.Priority = number(t, value)
		case "attempt":
			e.Attempt = number(t, value)
		case "due":
			e.Due = start.Add(duration(t, value))
		case "expires":
			e.Expires = start.Add(duration(t, value))
		case "route":
			e.Route = value
		case "recipients":
			e.Recipients = number(t, value)
		case "expand":
			e.Batch = gateway.ExpandLeg
		case "held":
			e.Stage = gateway.StageHeld
		default:
			t.Fatalf("unknown argument %s", arg)
		}
	}
	return e
}

func id(t *testing.T, s string) gateway.QueueID { return gateway.QueueID(number(t, s)) }

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func duration(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The delays are within their bounds whatever chance says, and five days of
// retries are few attempts.
func TestNext(t *testing.T) {
	for attempt := -1; attempt < 40; attempt++ {
		longest := Policy{Random: func() float64 { return 0 }}.Next(attempt, start, time.Time{}).Sub(start)
		shortest := Policy{Random: func() float64 { return 0.999999 }}.Next(attempt, start, time.Time{}).Sub(start)
		if shortest < longest*74/100 || shortest >= longest || longest > RetryDelayMax || longest < time.Minute {
			t.Errorf("attempt %d: %v to %v", attempt, shortest, longest)
		}
	}
	now, expires, attempts := start, start.Add(5*24*time.Hour), 0
	for ; now.Before(expires); attempts++ {
		next := Policy{}.Next(attempts, now, expires)
		if !next.After(now) || next.After(expires) {
			t.Fatalf("attempt %d at %v: next at %v", attempts, now, next)
		}
		now = next
	}
	if attempts < 30 || attempts > 50 {
		t.Errorf("%d attempts in five days", attempts)
	}
}

func BenchmarkQueue(b *testing.B) {
	var q Queue
	for i := range 100_000 {
		q.Add(gateway.Entry{Message: gateway.QueueID(i + 1), List: gateway.ListID(strconv.Itoa(i % 100)), Due: start.Add(time.Duration(i))})
	}
	now := start.Add(time.Hour)
	for b.Loop() {
		for _, e := range q.Next(now, 10) {
			e.Due = now
			q.Add(e)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(10*b.N), "ns/entry")
}

// An entry is in the way where its lane has no hand left and others wait.
func TestCrowded(t *testing.T) {
	e := func(message gateway.QueueID, list gateway.ListID, priority int) gateway.Entry {
		return gateway.Entry{Message: message, List: list, Priority: priority, Due: start}
	}
	for name, c := range map[string]struct {
		laneMax int
		waiting gateway.Entry
		want    bool
	}{
		"the same list":  {1, e(2, "large", 0), false},
		"another list":   {1, e(2, "small", 0), true},
		"more urgent":    {1, e(2, "large", gateway.PriorityBounce), true},
		"less urgent":    {1, e(2, "small", 1), false},
		"a hand is left": {2, e(2, "small", 0), false},
		"no limit":       {0, e(2, "small", 0), false},
	} {
		q := Queue{LaneMax: c.laneMax}
		q.Add(e(1, "large", 0))
		taken := q.Next(start, 1)
		q.Add(c.waiting)
		q.Next(start, 0) // what is due gets into line
		if got := q.Crowded(&taken[0]); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// BenchmarkHoldAmong is what it costs to hold one message and let it go on, among
// few and among many: who rules on all messages of a queue does it for each.
func BenchmarkHoldAmong(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var q Queue
			for i := range n {
				q.Add(gateway.Entry{Message: gateway.QueueID(i + 1), Due: start})
			}
			for i := 0; b.Loop(); i++ {
				for _, e := range q.Hold(gateway.QueueID(i%n + 1)) {
					q.Add(e)
				}
			}
		})
	}
}
