package sandbox

import (
	"math"
	"slices"
	"sync"
	"time"
)

// Stats is what a plugin has done since it was loaded.
type Stats struct {
	Calls      int64 // that ended, well or not
	Failures   int64 // of them, those that gave an error
	Traps      int64 // of them, those after which the instance was dropped
	Fuel       int64 // units
	Time       time.Duration
	HostCalls  int64
	Bytes      int64            // that host functions gave to the module or took from it
	MemoryPeak int64            // octets; the most that one call had
	Metrics    map[string]int64 // that the module counted itself, by name
	Times      Histogram        // of calls, in microseconds
	Fuels      Histogram        // of calls, in units
}

// Histogram is how often a number was at most each of Bounds, and how often
// more than all of them: Counts has one place more.
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

// Quantile is a bound that so large a part of the numbers does not exceed, the
// last one where some exceed all; 0 for no numbers.
func (h Histogram) Quantile(part float64) int64 {
	count := h.Count()
	if count == 0 {
		return 0
	}
	rest := int64(math.Ceil(part * float64(count))) // of two numbers, 99 % are both
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

// histogram counts. Its zero value is ready, for up to as many bounds as there
// are here.
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

// account counts. Its zero value is ready.
type account struct {
	mu    sync.Mutex
	stats Stats // except for Metrics and the histograms
	times histogram
	fuels histogram
}

// add counts a call that the module has come back from.
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

// fail counts what kept a call from an instance. It is not a call: only its
// failure counts.
func (a *account) fail(failed *Error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stats.fail(failed)
}

// fail counts what went wrong, nil for nothing.
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
