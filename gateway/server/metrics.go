package server

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
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
	descQueue    = prometheus.NewDesc("mmgw_queue_entries", "Entries of the queue by where they are.", []string{"place"}, nil)
	descAttempts = prometheus.NewDesc("mmgw_attempts_total", "Attempts at recipients by outcome.", []string{"outcome"}, nil)
)

// Describe implements prometheus.Collector.
func (m metrics) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descCalls, descFailures, descTraps, descFuel, descSeconds, descQueue, descAttempts} {
		c <- d
	}
}

// Collect implements prometheus.Collector.
func (m metrics) Collect(c chan<- prometheus.Metric) {
	for _, info := range m.modules() {
		counter := func(d *prometheus.Desc, value float64) {
			c <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, info.Name)
		}
		counter(descCalls, float64(info.Stats.Calls))
		counter(descFailures, float64(info.Stats.Failures))
		counter(descTraps, float64(info.Stats.Traps))
		counter(descFuel, float64(info.Stats.Fuel))
		counter(descSeconds, info.Stats.Time.Seconds())
	}
	count := m.line.count()
	for place, n := range map[string]int{"waiting": count.Waiting, "ready": count.Ready, "taken": count.Taken, "held": count.Held} {
		c <- prometheus.MustNewConstMetric(descQueue, prometheus.GaugeValue, float64(n), place)
	}
	for i, name := range outcomeNames {
		c <- prometheus.MustNewConstMetric(descAttempts, prometheus.CounterValue, float64(m.attempts[i].Load()), name)
	}
}

// metricsRegistry is what [metrics] listen serves.
func (s *Server) metricsRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics{s}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}
