package modules

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// follow calls live on messages with the shadow behind it, one after the other,
// and returns what live ruled.
func follow(t *testing.T, s *Shadow, live *Module, messages ...string) (actions []gateway.Action) {
	t.Helper()
	for _, fields := range messages {
		l := live.Lease()
		v, err := s.Follow(l).Handle(t.Context(), post(t, fields))
		l.Release()
		if err != nil {
			v.Action = -1
		}
		actions = append(actions, v.Action)
		for len(s.queue) > 0 {
			s.compare(<-s.queue)
		}
	}
	return actions
}

func TestShadowCountsAndAppliesNothing(t *testing.T) {
	refuse, spin := New(Options{Name: "refuse", Present: load(t, "refuse")}), New(Options{Name: "spin", Present: load(t, "spin")})
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, nil)).With("shadow", "spin") // as the server names it
	s := &Shadow{beside: spin, queue: make(chan comparison, 1), ctx: t.Context(), log: log}
	actions := follow(t, s, refuse, good, good, spam, bad("x"))
	if actions[0] != gateway.Continue || actions[2] != gateway.Reject || actions[3] != gateway.Continue {
		t.Errorf("live ruled %v", actions)
	}
	if got, want := s.Stats(), (ShadowStats{Compared: 3, Verdicts: 1, Failed: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if text := out.String(); !strings.Contains(text, "live_action=reject shadow_action=continue\n") || strings.Count(text, " shadow=") != strings.Count(text, "\n") {
		t.Errorf("the log has\n%s", text)
	}
	s = &Shadow{beside: refuse, queue: make(chan comparison, 1), ctx: t.Context(), log: discard}
	follow(t, s, spin, good, bad("x"))
	if got, want := s.Stats(), (ShadowStats{Compared: 2, Verdicts: 1}); got != want {
		t.Errorf("live failed: got %+v, want %+v", got, want)
	}
}

// TestShadowAsksForAuthenticationItself: what DNS tells about a sender is looked up
// when a handler asks. The message must not wait for that because it has a shadow.
func TestShadowAsksForAuthenticationItself(t *testing.T) {
	s := &Shadow{queue: make(chan comparison, 1), log: discard}
	asked := 0
	x := post(t, good)
	x.Auth = func() gateway.AuthResults { asked++; return gateway.AuthResults{SPF: "pass"} }
	if s.hear(t.Context(), x, Answer{}); asked > 0 {
		t.Error("the message waits for DNS on behalf of its shadow")
	}
	if spf, _ := (<-s.queue).x.Lookup("auth.spf.result"); spf != "pass" {
		t.Errorf("the shadow is told %q", spf)
	}
}

// TestShadowIsNotWaitedFor: what does not fit is skipped.
func TestShadowIsNotWaitedFor(t *testing.T) {
	s := &Shadow{queue: make(chan comparison, 2), log: discard}
	for range 5 {
		s.hear(t.Context(), post(t, good), Answer{})
	}
	if s.Stats().Skipped != 3 {
		t.Errorf("%+v", s.Stats())
	}
	<-s.queue
	s.hear(t.Context(), post(t, good+"\r\n"+strings.Repeat("x", shadowContentBytesMax)), Answer{})
	if s.Stats().Skipped != 4 || len(s.queue) != 1 {
		t.Errorf("a large one: %+v", s.Stats())
	}
}

func TestShadowEnds(t *testing.T) {
	m := New(Options{Name: "refuse", Present: load(t, "refuse")})
	s := NewShadow(m, nil)
	s.hear(t.Context(), post(t, good), Answer{})
	s.Close()
	s.Close()
	m.Retire()
	if !isClosed(t, m.Present()) {
		t.Error("the shadow still holds its module")
	}
}

// TestSnapshotStays: a shadow reads what the module was shown, whatever the
// pipeline does afterwards.
func TestSnapshotStays(t *testing.T) {
	x := post(t, good)
	x.Message.Legs = make([]gateway.Leg, 1)
	kept, ok := snapshotOf(x)
	if !ok {
		t.Fatal("not kept")
	}
	x.Leg.Service, x.Recipients[0].Path = gateway.Owner, "other@lists.example.com"
	x.Draft.Header = nil
	if kept.Leg.Service != gateway.Post || kept.Recipients[0].Path != "selftest@lists.example.com" || kept.Message.Legs != nil {
		t.Errorf("kept %+v", kept)
	}
	text, err := readAll(kept.Draft.Content())
	if err != nil || string(text) != good+"\r\nhi\r\n" || kept.Message.Content.Size() != x.Message.Content.Size() {
		t.Errorf("content %q, %v", text, err)
	}
}
