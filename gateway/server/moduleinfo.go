package server

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/modules"
	"github.com/mmgw/mmgw/gateway/sandbox"
)

// ModuleInfo is what `plugin ls` shows of one module.
type ModuleInfo struct {
	modules.Info
	Name   string
	Kind   string // handler, filter, planner or writer
	Shadow *ShadowInfo
}

// ShadowInfo is what a module and its shadow made of the same messages.
type ShadowInfo struct {
	Name string // of the plugin that is the shadow
	modules.ShadowStats
}

func (s *moduleSet) info() []ModuleInfo {
	var rows []ModuleInfo
	for _, name := range slices.Sorted(maps.Keys(s.modules)) {
		m := s.modules[name]
		row := ModuleInfo{Info: m.Info(), Name: name, Kind: kindOf(m.Present().Plugin)}
		if shadow := s.shadows[name]; shadow != nil {
			row.Shadow = &ShadowInfo{s.cfg.Plugin(name).Shadow, shadow.Stats()}
		}
		rows = append(rows, row)
	}
	return rows
}

func kindOf(p *sandbox.Plugin) string {
	kinds := ""
	if p.IsFilter() {
		kinds = "filter"
	}
	if p.Writes() {
		kinds = "writer"
	}
	if p.Serves(gateway.PhasePlan) {
		kinds = strings.TrimPrefix(kinds+" planner", " ")
	}
	return cmp.Or(kinds, "handler")
}

// Modules are the modules of a gateway that runs and what they have done.
func (s *Server) Modules() []ModuleInfo {
	if set := s.loaded.Load(); set != nil {
		return set.info()
	}
	return nil
}
