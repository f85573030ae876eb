package sandbox

import (
	"maps"
	"math"
	"sync"

	"github.com/mmgw/mmgw/sdk/wire"
)

// tally is the counters of a module, by name. Its zero value is ready.
type tally struct {
	mu      sync.Mutex
	counts  map[string]int64
	refused bool // one was refused, and that was logged
}

// add adds delta to a counter, at most up to the largest int64. It says whether
// there was room for the name: wire.MetricsMax of them are kept.
func (t *tally) add(name string, delta int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	count, known := t.counts[name]
	if !known && len(t.counts) >= wire.MetricsMax {
		return false
	}
	if t.counts == nil {
		t.counts = map[string]int64{}
	}
	t.counts[name] = count + min(delta, math.MaxInt64-count)
	return true
}

// refuse says whether this is the first refusal.
func (t *tally) refuse() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := !t.refused
	t.refused = true
	return first
}

// all returns the counters, nil for none.
func (t *tally) all() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}

// metric(name, nlen, delta). It has no result: a module that counts wrongly
// goes on, and its operator is told once.
func (c *call) metric(a []uint64) int64 {
	delta := int64(a[2])
	name := ""
	if uint32(a[1]) <= wire.MetricNameBytesMax {
		name = c.text(a[0], a[1])
	}
	if c.exchange.Rehearsal {
		return 0
	}
	if delta < 0 || !isMetricName(name) || !c.plugin.tally.add(name, delta) {
		if c.plugin.tally.refuse() {
			c.plugin.log.Warn("a metric was not counted: the name or the number is not valid, or there are too many names", "name", printable([]byte(name)), "delta", delta)
		}
	}
	return 0
}

// isMetricName says whether a name consists of letters, digits and "_-." alone.
func isMetricName(name string) bool {
	for i := range len(name) {
		switch b := name[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '_', b == '-', b == '.':
		default:
			return false
		}
	}
	return name != ""
}
