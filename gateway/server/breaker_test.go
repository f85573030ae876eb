package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway/modules"
	"github.com/mmgw/mmgw/plugins"
)

// spinning is a list whose handler fails on messages with a field X-Spin.
const spinning = "[[list]]\naddress = \"dev@lists.example.com\"\nmembers = [\"anne@example.com\"]\nposting = \"anyone\"\nincoming = [\"spin\"]\n" +
	"[plugins.spin]\nfuel = 5_000_000\nbreaker = { failures = 2, window = \"1h\" }\n"

// TestBreakerNeverOpensAGate: two bad contents, and what comes after them.
func TestBreakerNeverOpensAGate(t *testing.T) {
	const bad = "X-Spin: yes\r\n"
	for _, c := range []struct{ onError, failing, good string }{
		{"defer", "451", "451"},
		{"reject", "554", "451"},
		{"accept", "250", "250"},
	} {
		p := newPlace(t)
		p.example("spin")
		s := p.run(p.load(spinning + "on_error = \"" + c.onError + "\"\n"))
		for i, step := range []struct{ id, fields, want string }{
			{"good", "", "250"},
			{"one", bad, c.failing},
			{"one", bad, c.failing},
			{"two", bad, c.failing},
			{"later", "", c.good},
		} {
			if i == 3 && row(t, s, "spin").State != string(modules.Loaded) {
				t.Errorf("%s: one content opened the breaker", c.onError)
			}
			if got, err := p.send(t.Context(), step.id, step.fields); err != nil || !strings.HasPrefix(got, step.want) {
				t.Errorf("%s: %s: %s, %v", c.onError, step.id, got, err)
			}
		}
		if r := row(t, s, "spin"); r.State != string(modules.BreakerOpen) {
			t.Errorf("%s: %+v", c.onError, r)
		}
		if got := gathered(t, s, "mmgw_plugin_breaker_open")["spin"]; got != 1 {
			t.Errorf("%s: the metric says %v", c.onError, got)
		}
	}
}

// gathered is a metric by the values of its labels.
func gathered(t *testing.T, s *Server, name string) map[string]float64 {
	t.Helper()
	families, err := s.metricsRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetValue())
			}
			if family.GetName() == name {
				values[strings.Join(labels, " ")] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return values
}

func TestShadowIsCountedAndNotApplied(t *testing.T) {
	p := newPlace(t)
	p.example("spin")
	p.example("refuse")
	text := spinning + "shadow = \"refuse\"\n[plugins.refuse.config]\nwords = [\"forbidden\"]\n"
	s := p.run(p.load(text))
	if err := s.Reload(t.Context(), p.load(text)); err != nil { // keeps the shadow
		t.Fatal(err)
	}
	for i := range 4 {
		fields := ""
		if i%2 == 1 {
			fields = "X-Topic: forbidden\r\n\r\nforbidden\r\n"
		}
		if got, err := p.send(t.Context(), fmt.Sprint(i), fields); err != nil || !strings.HasPrefix(got, "250") {
			t.Errorf("%d: %s, %v", i, got, err)
		}
	}
	waitUntil(t, func() bool { return row(t, s, "spin").Shadow.Compared == 4 })
	want := ShadowRow{Name: "refuse", Compared: 4, Verdicts: 2}
	if got := *row(t, s, "spin").Shadow; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for label, want := range map[string]float64{"same": 2, "verdict": 2, "edits": 0} {
		if got := gathered(t, s, "mmgw_plugin_shadow_total")[label+" spin refuse"]; got != want {
			t.Errorf("%s: the metric says %v", label, got)
		}
	}
}

// TestPlannersAndOutgoingHandlersHaveShadows: each beside itself under another
// name is the same, and one that plans otherwise is noticed.
func TestPlannersAndOutgoingHandlersHaveShadows(t *testing.T) {
	p := newPlace(t)
	s := p.run(p.load(devList + "[outgoing]\nhandlers = [\"list-headers\"]\n[plugins.list-headers]\nshadow = \"again\"\n[plugins.again]\npath = \"" +
		p.builtin("list-headers") + "\"\n[plugins.deliver]\nshadow = \"planner\"\n[plugins.planner]\npath = \"" + p.builtin("deliver") +
		"\"\ncapabilities = [\"headers\", \"recipients\", \"members\"]\n"))
	if got := p.post("dev@lists.example.com"); !strings.HasPrefix(got, "250") {
		t.Fatal(got)
	}
	<-p.sent
	waitUntil(t, func() bool { // the record of a copy names who made it
		text, _ := os.ReadFile(filepath.Join(p.dir, "s", "log", "deliveries.jsonl"))
		return strings.Contains(string(text), "list-headers@"+row(t, s, "list-headers").Digest[:12]) &&
			strings.Contains(string(text), " deliver@"+row(t, s, "deliver").Digest[:12])
	})
	for _, name := range []string{"list-headers", "deliver"} {
		waitUntil(t, func() bool { r := row(t, s, name).Shadow; return r.Compared+r.Failed+r.Skipped > 0 })
		if got := *row(t, s, name).Shadow; got.Compared != 1 || got.Verdicts+got.Edits != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// builtin is a file with a built-in module.
func (p *place) builtin(name string) string {
	wasm, _ := plugins.Lookup(name)
	path := filepath.Join(p.t.TempDir(), name+".wasm")
	if err := os.WriteFile(path, wasm, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// waitUntil looks again and again: the shadow works beside everything else.
func waitUntil(t *testing.T, done func() bool) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-t.Context().Done():
			t.Fatal("the test ended before")
		case <-look.C:
		}
	}
}
