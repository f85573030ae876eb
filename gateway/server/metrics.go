package server

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/mmgw/mmgw/gateway/modules"
	"github.com/mmgw/mmgw/gateway/sandbox"
)

// metrics reads everything when it is asked, so that nothing on a message's
// way waits for it.
type metrics struct{ *Server }

var (
	moduleLabels = []string{"plugin"}

	descCalls    = prometheus.NewDesc("mmgw_plugin_calls_total", "Calls of a plugin that ended.", moduleLabels, nil)
	descFailures = prometheus.NewDesc("mmgw_plugin_failures_total", "Calls of a plugin that failed.", moduleLabels, nil)
	descTraps    = prometheus.NewDesc("mmgw_plugin_traps_total", "Calls after which the instance was dropped.", moduleLabels, nil)
	descFuel     = prometheus.NewDesc("mmgw_plugin_fuel_total", "Units of the meter that a plugin spent.", moduleLabels, nil)
	descSeconds  = prometheus.NewDesc("mmgw_plugin_seconds_total", "Time spent in a plugin.", moduleLabels, nil)
	descHost     = prometheus.NewDesc("mmgw_plugin_host_calls_total", "Calls of host functions by a plugin.", moduleLabels, nil)
	descBytes    = prometheus.NewDesc("mmgw_plugin_bytes_total", "Octets that host functions gave to a plugin or took from it.", moduleLabels, nil)
	descMemory   = prometheus.NewDesc("mmgw_plugin_memory_peak_bytes", "The most memory that one call of a plugin had.", moduleLabels, nil)
	descTimes    = prometheus.NewDesc("mmgw_plugin_call_seconds", "Calls of a plugin by the time they took.", moduleLabels, nil)
	descFuels    = prometheus.NewDesc("mmgw_plugin_call_fuel", "Calls of a plugin by the units of the meter that they spent.", moduleLabels, nil)
	descMetric   = prometheus.NewDesc("mmgw_plugin_metric_total", "What a plugin counted itself, by its own names.", []string{"plugin", "name"}, nil)
	descBreaker  = prometheus.NewDesc("mmgw_plugin_breaker_open", "1 while the breaker of a plugin is open or half open.", moduleLabels, nil)
	descRollback = prometheus.NewDesc("mmgw_plugin_rollbacks_total", "Times that a plugin rolled back by itself.", moduleLabels, nil)
	descShadow   = prometheus.NewDesc("mmgw_plugin_shadow_total", "Calls of a plugin by what its shadow made of them.", []string{"plugin", "shadow", "outcome"}, nil)
	descQueue    = prometheus.NewDesc("mmgw_queue_entries", "Entries of the queue by where they are.", []string{"place"}, nil)
	descLogBytes = prometheus.NewDesc("mmgw_store_log_bytes_total", "Octets written to the log of the database since it was opened.", nil, nil)
	descAttempts = prometheus.NewDesc("mmgw_attempts_total", "Attempts at recipients by outcome.", []string{"outcome"}, nil)
)

// Describe implements prometheus.Collector.
func (m metrics) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descCalls, descFailures, descTraps, descFuel, descSeconds, descHost, descBytes, descMemory, descTimes, descFuels, descMetric, descBreaker, descRollback, descShadow, descQueue, descAttempts, descLogBytes} {
		c <- d
	}
}

// Collect implements prometheus.Collector.
func (m metrics) Collect(c chan<- prometheus.Metric) {
	for _, info := range m.Modules() {
		counter := func(d *prometheus.Desc, value float64) {
			c <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, info.Name)
		}
		counter(descCalls, float64(info.Stats.Calls))
		counter(descFailures, float64(info.Stats.Failures))
		counter(descTraps, float64(info.Stats.Traps))
		counter(descFuel, float64(info.Stats.Fuel))
		counter(descSeconds, info.Stats.Time.Seconds())
		counter(descHost, float64(info.Stats.HostCalls))
		counter(descBytes, float64(info.Stats.Bytes))
		c <- prometheus.MustNewConstMetric(descMemory, prometheus.GaugeValue, float64(info.Stats.MemoryPeak), info.Name)
		c <- histogramOf(descTimes, info.Stats.Times, info.Stats.Time.Seconds(), 1e-6, info.Name)
		c <- histogramOf(descFuels, info.Stats.Fuels, float64(info.Stats.Fuel), 1, info.Name)
		for name, count := range info.Stats.Metrics {
			c <- prometheus.MustNewConstMetric(descMetric, prometheus.CounterValue, float64(count), info.Name, name)
		}
		counter(descRollback, float64(info.RolledBack))
		c <- prometheus.MustNewConstMetric(descBreaker, prometheus.GaugeValue, openOf(info.State), info.Name)
		collectShadow(c, info)
	}
	count := m.line.count()
	for place, n := range map[string]int{"waiting": count.Waiting, "ready": count.Ready, "taken": count.Taken, "held": count.Held} {
		c <- prometheus.MustNewConstMetric(descQueue, prometheus.GaugeValue, float64(n), place)
	}
	c <- prometheus.MustNewConstMetric(descLogBytes, prometheus.CounterValue, float64(m.store.LogBytes()))
	for i, name := range outcomeNames {
		c <- prometheus.MustNewConstMetric(descAttempts, prometheus.CounterValue, float64(m.attempts[i].Load()), name)
	}
}

// histogramOf is a histogram as a metric; unit is what one of its numbers is.
func histogramOf(d *prometheus.Desc, h sandbox.Histogram, sum, unit float64, name string) prometheus.Metric {
	buckets, count := map[float64]uint64{}, uint64(0)
	for i, bound := range h.Bounds {
		count += uint64(h.Counts[i])
		buckets[float64(bound)*unit] = count
	}
	return prometheus.MustNewConstHistogram(d, uint64(h.Count()), sum, buckets, name)
}

// openOf is 1 for a breaker that is not closed.
func openOf(state modules.State) float64 {
	if state == modules.BreakerOpen || state == modules.BreakerHalfOpen {
		return 1
	}
	return 0
}

func collectShadow(c chan<- prometheus.Metric, info ModuleInfo) {
	shadow := info.Shadow
	if shadow == nil {
		return
	}
	for outcome, n := range map[string]int64{
		"same": shadow.Compared - shadow.Verdicts - shadow.Edits, "verdict": shadow.Verdicts, "edits": shadow.Edits,
		"failed": shadow.Failed, "skipped": shadow.Skipped,
	} {
		c <- prometheus.MustNewConstMetric(descShadow, prometheus.CounterValue, float64(n), info.Name, shadow.Name, outcome)
	}
}

// metricsRegistry is what [metrics] listen serves.
func (s *Server) metricsRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics{s}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}
