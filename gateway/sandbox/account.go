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
	LogLinesDropped int64
	Metrics         map[string]int64 // that the module counted itself, by name
}

// account counts. Its zero value is ready.
type account struct {
	calls, failures, traps, fuel, time, hostCalls, dropped atomic.Int64
}

// add counts a call that the module has come back from.
func (a *account) add(c *call, failed *Error) {
	usage := c.usage()
	a.calls.Add(1)
	a.fuel.Add(usage.Fuel)
	a.time.Add(int64(usage.Time))
	a.hostCalls.Add(usage.HostCalls)
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
		Time: time.Duration(a.time.Load()), HostCalls: a.hostCalls.Load(), LogLinesDropped: a.dropped.Load(),
		Metrics: p.tally.all(),
	}
}
