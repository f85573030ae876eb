package server

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway/sandbox"
)

// PluginRow is one module, for plugin.ls. Us and Fuel are of a call, on
// average.
type PluginRow struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"` // handler, filter, planner or writer
	Digest string `json:"digest"`
	Source string `json:"source"` // "built-in" or a file
	State  string `json:"state"`  // a modules.State; "not running"; or what is wrong with it
	Calls  int64  `json:"calls"`
	Traps  int64  `json:"traps"`
	Us     int64  `json:"us"`
	Fuel   int64  `json:"fuel"`

	Failures  int64 `json:"failures"`
	P50Us     int64 `json:"p50_us"` // half of the calls took at most so long; a step of the histogram
	P99Us     int64 `json:"p99_us"`
	P50Fuel   int64 `json:"p50_fuel"`
	P99Fuel   int64 `json:"p99_fuel"`
	Memory    int64 `json:"memory_peak"` // octets; the most that one call had
	HostCalls int64 `json:"host_calls"`
	Bytes     int64 `json:"bytes"` // that host functions gave to it or took from it

	RolledBack int64      `json:"rolled_back"` // times, by itself
	Shadow     *ShadowRow `json:"shadow,omitempty"`
}

// ShadowRow is what the shadow of a module made of the same messages.
type ShadowRow struct {
	Name     string `json:"name"`
	Compared int64  `json:"compared"` // messages that both ruled on, or the shadow alone
	Verdicts int64  `json:"verdicts"` // of them, other verdicts
	Edits    int64  `json:"edits"`    // of them, other edits
	Failed   int64  `json:"failed"`   // the shadow failed
	Skipped  int64  `json:"skipped"`  // it was too far behind, or the message too large
}

func (s *Server) pluginRows(context.Context, Nothing) (any, error) {
	if s.loaded.Load() == nil {
		return s.pluginsAtRest(), nil
	}
	rows := []PluginRow{}
	for _, m := range s.Modules() {
		calls := max(m.Stats.Calls, 1)
		rows = append(rows, PluginRow{
			Name: m.Name, Kind: m.Kind, Digest: m.Digest, Source: m.Source, State: string(m.State), RolledBack: m.RolledBack, Shadow: shadowRow(m.Shadow),
			Calls: m.Stats.Calls, Traps: m.Stats.Traps, Us: m.Stats.Time.Microseconds() / calls, Fuel: m.Stats.Fuel / calls,
			Failures: m.Stats.Failures, P50Us: m.Stats.Times.Quantile(.5), P99Us: m.Stats.Times.Quantile(.99),
			P50Fuel: m.Stats.Fuels.Quantile(.5), P99Fuel: m.Stats.Fuels.Quantile(.99),
			Memory: m.Stats.MemoryPeak, HostCalls: m.Stats.HostCalls, Bytes: m.Stats.Bytes,
		})
	}
	return rows, nil
}

func shadowRow(s *ShadowInfo) *ShadowRow {
	if s == nil {
		return nil
	}
	return &ShadowRow{s.Name, s.Compared, s.Verdicts, s.Edits, s.Failed, s.Skipped}
}

// pluginsAtRest are the modules that the gateway would load.
func (s *Server) pluginsAtRest() []PluginRow {
	rows := []PluginRow{}
	for _, u := range usesOf(s.cfg) {
		row := PluginRow{Name: u.name, State: "not running"}
		f, err := find(s.cfg, s.shelf, u.name)
		if err == nil {
			var info sandbox.Info
			info, err = sandbox.Inspect(f.wasm)
			row.Source, row.Digest, row.Kind = f.source, info.SHA256, kindOfInfo(info)
		}
		if err != nil {
			row.State = err.Error()
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b PluginRow) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(rows, func(a, b PluginRow) bool { return a.Name == b.Name })
}

// kindOfInfo is kindOf for a module that is not loaded.
func kindOfInfo(info sandbox.Info) string {
	var kinds []string
	if info.Filter {
		kinds = append(kinds, "filter")
	}
	if slices.Contains(info.Hooks, "mta_config") {
		kinds = append(kinds, "writer")
	}
	if slices.Contains(info.Hooks, "plan") {
		kinds = append(kinds, "planner")
	}
	return cmp.Or(strings.Join(kinds, " "), "handler")
}
