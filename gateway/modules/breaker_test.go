package modules

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

func key(name string) contentKey { return contentKey{0: name[0]} }

func TestBreaker(t *testing.T) {
	limits := Limits{Failures: 3, Window: time.Minute}
	for _, c := range []struct {
		name  string
		steps string // contents that fail, "." for 30 s
		open  bool
	}{
		{"distinct contents", "abc", true},
		{"one content again and again", "aaaaaaaa", false},
		{"too few", "abab", false},
		{"too slow", "a..b...c", false},
		{"the oldest is forgotten", "a.b..cd", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			var b breaker
			opened := false
			for _, step := range c.steps {
				if step == '.' {
					time.Sleep(30 * time.Second)
					continue
				}
				if b.admit() != admitted {
					t.Errorf("%s: refused", c.name)
				}
				opened = b.failed(admitted, limits, cause{key(string(step)), "a"})
			}
			if opened != c.open || (b.state() == BreakerOpen) != c.open {
				t.Errorf("%s: opened %v, state %q", c.name, opened, b.state())
			}
		})
	}
}

// TestBreakerIsNotOneSendersToOpen: upper case are calls that end well, lower
// case distinct contents on which the module fails, each after its origin.
func TestBreakerIsNotOneSendersToOpen(t *testing.T) {
	limits := Limits{Failures: 3, Window: time.Minute}
	for _, c := range []struct {
		name  string
		steps string
		open  bool
	}{
		{"nobody else", "xa xb xc", true},
		{"it works for the same", "xa xO xb xc", true},
		{"it works for another", "xa yO xb xc xd xe xf xg", false},
		{"it works for another, and the same after that", "xa yO xO xb xO xc", false},
		{"it worked for another before", "yO xa xb xc", true},
		{"that was long ago", "xa yO . . . xb xc xd", true},
		{"it fails for two", "xa yO xb xc yd", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			var b breaker
			for step := range strings.FieldsSeq(c.steps) {
				switch {
				case step == ".":
					time.Sleep(30 * time.Second)
				case step[1] == 'O':
					b.passed(admitted, func() string { return step[:1] })
				default:
					b.failed(admitted, limits, cause{key(step[1:]), step[:1]})
				}
			}
			if open := b.state() == BreakerOpen; open != c.open || len(b.failures) >= limits.Failures {
				t.Errorf("%s: open %v, %d failures kept", c.name, open, len(b.failures))
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "::ffff:192.0.2.7": "192.0.2.7/32", "2001:db8::1": "2001:db8::/64", "": "anne@example.com",
	} {
		x := post(t, good)
		if addr != "" {
			x.Message.Client.Addr = netip.MustParseAddr(addr)
		}
		if got := originOf(x); got != want {
			t.Errorf("%s: %s, not %s", addr, got, want)
		}
	}
}

func TestBreakerHalfOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := Limits{Failures: 1, Window: time.Minute}
		var b breaker
		b.failed(admitted, limits, cause{key("a"), "a"})
		expect := func(state State, passes ...pass) {
			t.Helper()
			if got := b.state(); got != state {
				t.Errorf("state %q, want %q", got, state)
			}
			for _, want := range passes {
				if got := b.admit(); got != want {
					t.Errorf("pass %d, want %d", got, want)
				}
			}
		}
		expect(BreakerOpen, refused, refused)
		time.Sleep(breakerPause)
		expect(BreakerHalfOpen, probing, refused) // one at a time
		if !b.failed(probing, limits, cause{key("b"), "a"}) {
			t.Error("it does not say that it stays open")
		}
		expect(BreakerOpen, refused)
		time.Sleep(breakerPause)
		expect(BreakerHalfOpen, probing)
		b.abandon(probing)
		expect(BreakerHalfOpen, probing)
		if !b.passed(probing, nil) {
			t.Error("not closed")
		}
		expect("", admitted, admitted)
	})
}

func TestNoLimitNoBreaker(t *testing.T) {
	var b breaker
	for i := range 100 {
		if b.failed(admitted, Limits{}, cause{contentKey{0: byte(i)}, "a"}) {
			t.Fatal("opened")
		}
	}
}

// open is a module whose breaker is open.
func open(t *testing.T, accepts bool) *Module {
	t.Helper()
	v := load(t, "spin")
	v.Limits, v.Accepts = Limits{Failures: 3, Window: time.Hour}, accepts
	m := New(Options{Name: "x", Present: v})
	for i := range 3 {
		if _, err := handle(t, m, bad(fmt.Sprint(i))); err == nil {
			t.Fatal("no failure")
		}
	}
	if state := m.Info().State; state != BreakerOpen {
		t.Fatalf("state %s", state)
	}
	return m
}

// TestOpenBreakerDefers: no message passes unexamined, a good one neither.
func TestOpenBreakerDefers(t *testing.T) {
	m := open(t, false)
	calls := m.Info().Stats.Calls
	for _, fields := range []string{good, bad("x")} {
		v, err := handle(t, m, fields)
		if err != nil || v.Action != gateway.Defer || v.Status.Code != 451 {
			t.Errorf("%+v, %v", v, err)
		}
	}
	if now := m.Info().Stats.Calls; now != calls {
		t.Errorf("%d calls behind an open breaker", now-calls)
	}
	l := m.Lease()
	defer l.Release()
	if _, err := l.Plan(t.Context(), post(t, good)); gateway.AsStatus(err).Code != 451 {
		t.Errorf("a plan: %v", err)
	}
}

// TestOpenBreakerRunsOnReducedFuel: where failures are accepted, messages are
// examined all the same, for less.
func TestOpenBreakerRunsOnReducedFuel(t *testing.T) {
	m := open(t, true)
	before := m.Info().Stats.Fuel
	if v, err := handle(t, m, good); err != nil || v.Action != gateway.Continue || v.Usage.Fuel == 0 {
		t.Errorf("a good one: %+v, %v", v, err)
	}
	if _, err := handle(t, m, bad("x")); err == nil {
		t.Error("a bad one: no error")
	}
	if spent := m.Info().Stats.Fuel - before; spent > trialFuel/reducedShare*2 {
		t.Errorf("%d units were spent", spent)
	}
}
