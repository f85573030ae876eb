package server

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/modules"
	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/sandbox"
)

// moduleSet is the modules of one configuration. It does not change; a reload
// makes another, in which the modules of names that stay are the same.
type moduleSet struct {
	cfg     *config.Config
	modules map[string]*modules.Module
	shadows map[string]*modules.Shadow // by the name of the plugin that they follow
}

// use is one plugin and what it must be able to do.
type use struct {
	name string
	as   string // as the configuration calls it
	fits func(*sandbox.Plugin) bool
}

// check says whether a module can do what the use is.
func (u use) check(p *sandbox.Plugin) error {
	if !u.fits(p) {
		return fmt.Errorf("cannot be %s: it has no export for that; `mmgw plugin inspect` shows which hooks it has", u.as)
	}
	return nil
}

func serves(phases ...gateway.Phase) func(*sandbox.Plugin) bool {
	return func(p *sandbox.Plugin) bool { return slices.ContainsFunc(phases, p.Serves) }
}

func usesOf(cfg *config.Config) []use {
	uses := []use{
		writerUse(cfg),
		{cfg.MTA.Outgoing, "mta.outgoing", serves(gateway.PhasePlan)},
	}
	for _, name := range incomingOf(cfg) {
		uses = append(uses, use{name, "an incoming handler", serves(gateway.PhaseRecipient, gateway.PhaseIncoming)})
	}
	for _, name := range sorted(cfg.Outgoing.Handlers) {
		uses = append(uses, use{name, "an outgoing handler", serves(gateway.PhaseOutgoing)})
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Plugins)) {
		shadow := cfg.Plugins[name].Shadow
		if shadow != "" && isHandler(cfg, name) {
			uses = append(uses, use{shadow, "the shadow of " + name, serves(gateway.PhaseRecipient, gateway.PhaseIncoming, gateway.PhaseOutgoing)})
		}
		if shadow != "" && name == cfg.MTA.Outgoing {
			uses = append(uses, use{shadow, "the shadow of " + name, serves(gateway.PhasePlan)})
		}
	}
	return uses
}

// writerUse is the use of the module that writes the MTA's files.
func writerUse(cfg *config.Config) use {
	return use{cfg.MTA.Incoming, "mta.incoming", (*sandbox.Plugin).Writes}
}

// incomingOf are the names of all incoming handlers.
func incomingOf(cfg *config.Config) []string {
	names := slices.Clone(cfg.Incoming.Handlers)
	if cfg.Incoming.Policy != "" {
		names = append(names, cfg.Incoming.Policy)
	}
	for _, list := range cfg.Lists {
		names = append(names, list.Incoming...)
	}
	return sorted(names)
}

// isHandler says whether a plugin is a step of some chain.
func isHandler(cfg *config.Config, name string) bool {
	return slices.Contains(incomingOf(cfg), name) || slices.Contains(cfg.Outgoing.Handlers, name)
}

// isFollowed says whether a shadow of a plugin has something to follow.
func isFollowed(cfg *config.Config, name string) bool {
	return isHandler(cfg, name) || name == cfg.MTA.Outgoing
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// set is the set of what was loaded, with nothing in it at work before.
func (l *loader) set() *moduleSet {
	set := &moduleSet{cfg: l.cfg, modules: map[string]*modules.Module{}, shadows: map[string]*modules.Shadow{}}
	for name, m := range l.found {
		set.modules[name] = l.module(name, m)
	}
	for name, p := range l.cfg.Plugins {
		if p.Shadow != "" && set.modules[name] != nil && isFollowed(l.cfg, name) {
			set.shadows[name] = l.shadow(name, p.Shadow, set.modules[p.Shadow])
		}
	}
	return set
}

// module is the one that old has under the name, else a new one.
func (l *loader) module(name string, m *loadedModule) *modules.Module {
	if l.old != nil && l.old.modules[name] != nil {
		return l.old.modules[name]
	}
	return modules.New(modules.Options{
		Name: name, Present: m.version, Before: m.before, Log: l.log,
		RolledBack: func(from, to *modules.Version) {
			if l.rolledBack != nil {
				l.rolledBack(name, from, to)
			}
		},
	})
}

// shadow is the one that old has, where it is the same, else a new one.
func (l *loader) shadow(name, shadow string, beside *modules.Module) *modules.Shadow {
	if l.old != nil && l.old.shadows[name] != nil && l.old.cfg.Plugin(name).Shadow == shadow {
		return l.old.shadows[name]
	}
	return modules.NewShadow(beside, l.log.With("handler", name, "shadow", shadow))
}

// chains are those of a configuration, made by of from the names of plugins.
type chains struct {
	cfg *config.Config
	of  func(names []string) pipeline.Chain
}

// Incoming implements pipeline.Chains.
func (c chains) Incoming(list *gateway.List) pipeline.Chain {
	if list != nil && list.Incoming != nil {
		return c.of(list.Incoming)
	}
	return c.of(c.cfg.Incoming.Handlers)
}

// Policy implements pipeline.Chains.
func (c chains) Policy(*gateway.List) pipeline.Chain {
	if c.cfg.Incoming.Policy == "" {
		return nil
	}
	return c.of([]string{c.cfg.Incoming.Policy})
}

// Outgoing implements pipeline.Chains.
func (c chains) Outgoing(*gateway.List) pipeline.Chain { return c.of(c.cfg.Outgoing.Handlers) }

func (s *moduleSet) chains() chains { return chains{s.cfg, s.chain} }

// chain leases the modules of a chain, until it ends.
func (s *moduleSet) chain(names []string) pipeline.Chain {
	chain := make(pipeline.Chain, 0, len(names))
	for _, name := range names {
		m := s.modules[name]
		if m == nil {
			chain = append(chain, pipeline.Step{Name: name, Module: name, Handler: missing(name)})
			continue
		}
		lease := m.Lease()
		step := pipeline.Step{
			Name: name, Module: lease.ModuleName(), Handler: lease,
			OnError: pipeline.OnError(s.cfg.Plugin(name).OnError), Release: lease.Release,
		}
		if shadow := s.shadows[name]; shadow != nil {
			step.Handler = shadow.Follow(lease)
		}
		chain = append(chain, step)
	}
	return chain
}

// missing is the handler of a list that is of another configuration than the
// modules, as one may be that was looked up just before a reload. It defers the
// message: at the next try both are the same.
type missing string

// Handle implements gateway.Handler.
func (m missing) Handle(context.Context, *gateway.Exchange) (gateway.Verdict, error) {
	return gateway.Verdict{}, fmt.Errorf("plugin %s: the configuration has just changed", string(m))
}

// writer is the module that writes the MTA's files, as it is at the moment.
func (s *moduleSet) writer() *sandbox.Plugin { return s.modules[s.cfg.MTA.Incoming].Present().Plugin }

// close closes all modules, when no chain runs any more.
func (s *moduleSet) close() {
	for _, shadow := range s.shadows {
		shadow.Close()
	}
	for _, m := range s.modules {
		m.Close()
	}
}
