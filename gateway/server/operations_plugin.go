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
	Kind   string `json:"kind"` // handler, planner or writer
	Digest string `json:"digest"`
	Source string `json:"source"` // "built-in" or a file
	State  string `json:"state"`  // loaded; "not running"; or what is wrong with it
	Calls  int64  `json:"calls"`
	Traps  int64  `json:"traps"`
	Us     int64  `json:"us"`
	Fuel   int64  `json:"fuel"`
}

func (s *Server) pluginRows(context.Context, Nothing) (any, error) {
	if s.loaded.Load() == nil {
		return s.pluginsAtRest(), nil
	}
	rows := []PluginRow{}
	for _, m := range s.modules() {
		calls := max(m.Stats.Calls, 1)
		rows = append(rows, PluginRow{
			Name: m.Name, Kind: m.Kind, Digest: m.Digest, Source: m.Source, State: m.State,
			Calls: m.Stats.Calls, Traps: m.Stats.Traps, Us: m.Stats.Time.Microseconds() / calls, Fuel: m.Stats.Fuel / calls,
		})
	}
	return rows, nil
}

// pluginsAtRest are the modules that the gateway would load.
func (s *Server) pluginsAtRest() []PluginRow {
	rows := []PluginRow{}
	for _, u := range usesOf(s.cfg) {
		row := PluginRow{Name: u.name, State: "not running"}
		wasm, source, err := find(s.cfg, u.name)
		if err == nil {
			var info sandbox.Info
			info, err = sandbox.Inspect(wasm)
			row.Source, row.Digest, row.Kind = source, info.SHA256, kindOfHooks(info.Hooks)
		}
		if err != nil {
			row.State = err.Error()
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b PluginRow) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(rows, func(a, b PluginRow) bool { return a.Name == b.Name })
}

// kindOfHooks is kindOf for a module that is not loaded.
func kindOfHooks(hooks []string) string {
	var kinds []string
	if slices.Contains(hooks, "mta_config") {
		kinds = append(kinds, "writer")
	}
	if slices.Contains(hooks, "plan") {
		kinds = append(kinds, "planner")
	}
	return cmp.Or(strings.Join(kinds, " "), "handler")
}
