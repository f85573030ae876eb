package sandbox

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/sdk/wire"
)

func TestMetrics(t *testing.T) {
	var log bytes.Buffer
	steps := []step{
		do("metric", "seen", 1), do("metric", "seen", 2), do("metric", "octets", math.MaxInt64), do("metric", "octets", 5), do("metric", "zero", 0),
		do("metric", "seen", -1), do("metric", "", 1), do("metric", "a b", 1), do("metric", "a\n", 1), do("metric", strings.Repeat("x", wire.MetricNameBytesMax+1), 1),
		do("metric", "last.of_all-9", 1), do("get", span{-1, 1}, room(9)),
	}
	spec := Spec{Name: "h", Capabilities: []string{wire.CapMetric}, Wasm: guest(wire.ExportIncoming, steps...)}
	p := load(t, Env{Logger: slog.New(slog.NewTextHandler(&log, nil))}, spec)
	for range 2 {
		if _, err := p.Handle(t.Context(), exchange(t, incoming)); err == nil {
			t.Error("the call did not fail")
		}
	}
	want := map[string]int64{"seen": 6, "octets": math.MaxInt64, "zero": 0, "last.of_all-9": 2}
	if got := p.Stats().Metrics; !maps.Equal(got, want) {
		t.Errorf("counted %v, not %v", got, want)
	}
	if n := strings.Count(log.String(), "a metric was not counted"); n != 1 {
		t.Errorf("the operator was told %d times:\n%s", n, log.String())
	}
}

func TestMetricsAreFew(t *testing.T) {
	var names tally
	for i := range 2 * wire.MetricsMax {
		if names.add(fmt.Sprint(i), 1) != (i < wire.MetricsMax) {
			t.Errorf("name %d is wrong", i)
		}
	}
	if !names.add("7", 1) || names.counts["7"] != 2 {
		t.Error("a known name is not counted any more")
	}
}
