package modules

import (
	"context"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox"
	examples "github.com/mmgw/mmgw/wasm-examples"
)

// TestLeaseEndsOnItsVersion: what began with a version ends with it, and the
// last to let go closes it.
func TestLeaseEndsOnItsVersion(t *testing.T) {
	old, next := load(t, "refuse"), load(t, "spin")
	m := New(Options{Name: "x", Present: old})
	first, second := m.Lease(), m.Lease()
	m.Exchange(next, false)
	if v, err := first.Handle(t.Context(), post(t, spam)); err != nil || v.Action != gateway.Reject {
		t.Errorf("a lease of the old version: %+v, %v", v, err)
	}
	if v, err := handle(t, m, spam); err != nil || v.Action != gateway.Continue {
		t.Errorf("a lease of the new version: %+v, %v", v, err)
	}
	first.Release()
	if isClosed(t, old) {
		t.Error("closed while it is leased")
	}
	second.Release()
	if !isClosed(t, old) {
		t.Error("not closed when nobody holds it")
	}
	last := m.Lease()
	m.Retire()
	if isClosed(t, next) {
		t.Error("retired: closed while it is leased")
	}
	last.Release()
	if !isClosed(t, next) {
		t.Error("retired: not closed")
	}
}

func TestEndTrial(t *testing.T) {
	old, next := load(t, "refuse"), load(t, "spin")
	m := New(Options{Name: "x", Present: next, Before: old})
	l := m.Lease()
	m.EndTrial()
	if isClosed(t, old) || m.Info().State != Loaded {
		t.Errorf("closed while it is leased, or %s", m.Info().State)
	}
	l.Release()
	if m.EndTrial(); !isClosed(t, old) || isClosed(t, next) {
		t.Error("the wrong one is closed")
	}
}

func TestCloseWaitsForNobody(t *testing.T) {
	present, before := load(t, "refuse"), load(t, "spin")
	m := New(Options{Name: "x", Present: present, Before: before})
	l := m.Lease()
	m.Close()
	if !isClosed(t, present) || !isClosed(t, before) {
		t.Error("not closed")
	}
	if _, err := l.Handle(t.Context(), post(t, good)); err == nil {
		t.Error("a closed module rules")
	}
	l.Release()
}

// TestRollBack: the version before rules where only the new one fails, and
// takes its place back after so many contents, however often each comes.
func TestRollBack(t *testing.T) {
	old, next := load(t, "refuse"), load(t, "spin")
	var from, to *Version
	m := New(Options{Name: "x", Present: old, RolledBack: func(f, o *Version) { from, to = f, o }})
	m.Exchange(next, true)
	if state := m.Info().State; state != OnTrial {
		t.Errorf("state %s", state)
	}
	inProgress := m.Lease()
	for _, content := range []string{"one", "one", "one", "two"} {
		v, err := handle(t, m, bad(content))
		if err != nil || v.Module != old.ModuleName() {
			t.Errorf("%s: %+v, %v", content, v, err)
		}
	}
	if v, err := handle(t, m, good); err != nil || v.Module != "" || from != nil {
		t.Fatalf("not yet: %+v, %v, rolled back from %v", v, err, from)
	}
	if v, err := handle(t, m, bad("three")); err != nil || v.Module != old.ModuleName() {
		t.Errorf("the last: %+v, %v", v, err)
	}
	if from != next || to != old || m.Present() != old {
		t.Fatal("not rolled back")
	}
	if info := m.Info(); info.State != Loaded || info.RolledBack != 1 {
		t.Errorf("info %+v", info)
	}
	if v, err := inProgress.Handle(t.Context(), post(t, bad("four"))); err != nil || v.Module != old.ModuleName() {
		t.Errorf("a chain in progress: %+v, %v", v, err)
	}
	inProgress.Release()
	if !isClosed(t, next) || isClosed(t, old) {
		t.Error("the wrong one is closed")
	}
}

// TestNoRollBackWhereBothFail: such a message says nothing against the new one.
func TestNoRollBackWhereBothFail(t *testing.T) {
	next := load(t, "spin")
	m := New(Options{Name: "x", Present: next, Before: load(t, "spin")})
	for _, content := range []string{"one", "two", "three", "four"} {
		if _, err := handle(t, m, bad(content)); err == nil {
			t.Errorf("%s: no error", content)
		}
	}
	if m.Present() != next {
		t.Error("rolled back")
	}
}

// TestCallerGoneIsNoFailure: what the module is not to blame for changes
// nothing.
func TestCallerGoneIsNoFailure(t *testing.T) {
	next := load(t, "spin")
	next.Limits = Limits{Failures: 1, Window: breakerPause}
	m := New(Options{Name: "x", Present: next, Before: load(t, "refuse")})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, content := range []string{"one", "two", "three"} {
		l := m.Lease()
		if _, err := l.Handle(gone, post(t, bad(content))); err == nil {
			t.Errorf("%s: no error", content)
		}
		l.Release()
	}
	if m.Present() != next || m.Info().State != OnTrial {
		t.Errorf("state %s", m.Info().State)
	}
}

func TestSelfTest(t *testing.T) {
	if err := SelfTest(t.Context(), load(t, "refuse").Plugin); err != nil {
		t.Error(err)
	}
}

// TestContents: what is sent again counts once, whoever it is for.
func TestContents(t *testing.T) {
	first, again, other := post(t, good), post(t, good), post(t, spam)
	if contentOf(first) != contentOf(again) || contentOf(first) == contentOf(other) {
		t.Error("contents")
	}
	for _, x := range []*gateway.Exchange{first, again, other} {
		x.Message.Digest = contentKey{}
	}
	first.Message.ID, again.Message.ID, other.Message.ID = 7, 7, 8
	if contentOf(first) != contentOf(again) || contentOf(first) == contentOf(other) {
		t.Error("messages that were accepted")
	}
	for _, x := range []*gateway.Exchange{first, again, other} {
		x.Message.ID = 0
	}
	again.Recipients[0].Path, other.Message.Envelope.ReversePath = "ops@lists.example.com", "bart@example.com"
	if contentOf(first) != contentOf(again) || contentOf(first) == contentOf(other) {
		t.Error("envelopes")
	}
}

// BenchmarkLease is what it costs to be able to swap: compare "leased" with
// "direct".
func BenchmarkLease(b *testing.B) {
	wasm, _ := examples.Lookup("refuse")
	host, err := sandbox.New(sandbox.Env{})
	if err != nil {
		b.Fatal(err)
	}
	defer host.Close(b.Context())
	p, err := host.Load(b.Context(), sandbox.Spec{Name: "refuse", Wasm: wasm})
	if err != nil {
		b.Fatal(err)
	}
	m := New(Options{Name: "refuse", Present: &Version{Plugin: p, Limits: Limits{Failures: 20, Window: time.Minute}}})
	x, err := selfTestExchange(gateway.PhaseIncoming)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("direct", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.Handle(b.Context(), x); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("leased", func(b *testing.B) {
		for b.Loop() {
			l := m.Lease()
			_, err := l.Handle(b.Context(), x)
			l.Release()
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
