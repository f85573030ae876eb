package sandbox

import (
	"sync/atomic"
	"time"
)

// Stats is what a plugin has done since it was loaded.
type Stats struct {
	Calls           int64 // that ended, well or not
	Failures        int64 // of them, those that gave an error
	Traps           int64 // of them, those after which the instance was dropped
	Fuel            int64 // units
	Time            time.Duration
	HostCalls       int64
	Bytes           int64 // that host functions gave to the module or took from it
	MemoryPeak      int64 // octets; the most that one call had
	LogLinesDropped int64
	Metrics         map[string]int64 // that the module counted itself, by name
	Times           Histogram        // of calls, in microseconds
	Fuels           Histogram        // of calls, in units
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
	rest := int64(part * float64(h.Count()))
	for i, bound := range h.Bounds {
		if rest -= h.Counts[i]; rest <= 0 {
			if h.Count() == 0 {
				return 0
			}
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
type histogram [16]atomic.Int64

func (h *histogram) add(bounds []int64, x int64) {
	i := 0
	for i < len(bounds) && x > bounds[i] {
		i++
	}
	h[i].Add(1)
}

func (h *histogram) all(bounds []int64) Histogram {
	out := Histogram{bounds, make([]int64, len(bounds)+1)}
	for i := range out.Counts {
		out.Counts[i] = h[i].Load()
	}
	return out
}

// account counts. Its zero value is ready.
type account struct {
	calls, failures, traps, fuel, time, hostCalls, bytes, memory, dropped atomic.Int64

	times, fuels histogram
}

// add counts a call that the module has come back from.
func (a *account) add(c *call, failed *Error) {
	usage := c.usage()
	a.calls.Add(1)
	a.fuel.Add(usage.Fuel)
	a.time.Add(int64(usage.Time))
	a.times.add(timeBounds, usage.Time.Microseconds())
	a.fuels.add(fuelBounds, usage.Fuel)
	a.hostCalls.Add(usage.HostCalls)
	a.bytes.Add(c.bytes)
	for size, peak := c.instance.memoryBytes(), a.memory.Load(); size > peak; peak = a.memory.Load() {
		if a.memory.CompareAndSwap(peak, size) {
			break
		}
	}
	a.fail(failed)
}

// fail counts what went wrong, nil for nothing. A call that found no instance
// is no call: only its failure counts.
func (a *account) fail(failed *Error) {
	if failed == nil {
		return
	}
	a.failures.Add(1)
	if failed.Fault != Returned && failed.Fault != Unavailable {
		a.traps.Add(1)
	}
}

// Stats returns what the plugin has done so far.
func (p *Plugin) Stats() Stats {
	a := &p.account
	return Stats{
		Calls: a.calls.Load(), Failures: a.failures.Load(), Traps: a.traps.Load(), Fuel: a.fuel.Load(),
		Time: time.Duration(a.time.Load()), HostCalls: a.hostCalls.Load(), Bytes: a.bytes.Load(), MemoryPeak: a.memory.Load(),
		LogLinesDropped: a.dropped.Load(), Metrics: p.tally.all(), Times: a.times.all(timeBounds), Fuels: a.fuels.all(fuelBounds),
	}
}
