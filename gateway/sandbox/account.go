package sandbox

import (
	"math"
	"slices"
	"sync"
	"time"
)

// Stats counts what a plugin has done since it was loaded.
type Stats struct {
	Calls      int64 // that have ended, well or not
	Failures   int64 // calls that gave an error, or that got no instance
	Traps      int64 // failures after which the instance was dropped
	Fuel       int64 // units
	Time       time.Duration
	HostCalls  int64
	Bytes      int64            // that host functions copied to or from the module
	MemoryPeak int64            // octets; the most that one call used
	Metrics    map[string]int64 // counters of the module's own, by name
	Times      Histogram        // of calls, in microseconds
	Fuels      Histogram        // of calls, in units
}

// Histogram counts numbers by size. Counts[i] is how many were at most Bounds[i]
// and above the bound before it; one more place counts those above all bounds.
type Histogram struct {
	Bounds []int64
	Counts []int64
}

// Count is how many numbers there were.
func (h Histogram) Count() (n int64) {
	for _, count := range h.Counts {
		n += count
	}
	return n
}

// Quantile is the least bound that a part (0 to 1) of the numbers does not exceed.
// It is the last bound if that is not enough, and 0 if there are no numbers.
func (h Histogram) Quantile(part float64) int64 {
	count := h.Count()
	if count == 0 {
		return 0
	}
	rest := int64(math.Ceil(part * float64(count))) // 99 % of two numbers are both of them
	for i, bound := range h.Bounds {
		if rest -= h.Counts[i]; rest <= 0 {
			return bound
		}
	}
	return h.Bounds[len(h.Bounds)-1]
}

// Bounds of the histograms: from a call that does nothing to the defaults of
// the limits and ten times as much.
var (
	timeBounds = []int64{1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 5_000_000, 50_000_000}
	fuelBounds = []int64{100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 100_000_000, FuelDefault, 10 * FuelDefault}
)

// histogram is a Histogram that counts, for at most 15 bounds. Its zero value is
// ready.
type histogram [16]int64

func (h *histogram) add(bounds []int64, x int64) {
	i := 0
	for i < len(bounds) && x > bounds[i] {
		i++
	}
	h[i]++
}

func (h *histogram) all(bounds []int64) Histogram {
	return Histogram{bounds, slices.Clone(h[:len(bounds)+1])}
}

// account keeps the Stats of a plugin. Its zero value is ready.
type account struct {
	mu    sync.Mutex
	stats Stats // except for Metrics and the histograms
	times histogram
	fuels histogram
}

// add counts a call that has ended.
func (a *account) add(c *call, failed *Error) {
	memory := c.instance.memoryBytes()
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &a.stats
	s.Calls++
	s.Fuel += c.used.Fuel
	s.Time += c.used.Time
	s.HostCalls += c.used.HostCalls
	s.Bytes += c.bytes
	s.MemoryPeak = max(s.MemoryPeak, memory)
	a.times.add(timeBounds, c.used.Time.Microseconds())
	a.fuels.add(fuelBounds, c.used.Fuel)
	s.fail(failed)
}

// fail counts a failure to get an instance, which is not a call.
func (a *account) fail(failed *Error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stats.fail(failed)
}

// fail counts a failure, if there was one.
func (s *Stats) fail(failed *Error) {
	if failed == nil {
		return
	}
	s.Failures++
	if failed.Fault != Returned && failed.Fault != Unavailable {
		s.Traps++
	}
}

// Stats returns what the plugin has done so far.
func (p *Plugin) Stats() Stats {
	a := &p.account
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.stats
	s.Metrics, s.Times, s.Fuels = p.tally.all(), a.times.all(timeBounds), a.fuels.all(fuelBounds)
	return s
}
