package server

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"strings"

	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/modules"
)

// Reload takes a new configuration on without a pause: lists, their members,
// handlers, the planner and the writer, with the modules behind them, and the
// texts of notices. Messages in progress end on the modules that they began
// with. A configuration that moves a listener or the state directory, or whose
// modules or texts do not load, changes nothing. What else has changed waits for a restart and is named in
// the log.
func (s *Server) Reload(ctx context.Context, cfg *config.Config) error {
	if moved := movedKeys(s.cfg, cfg); len(moved) > 0 {
		return fmt.Errorf("%s: changed; restart mmgw for that, nothing was reloaded", strings.Join(moved, ", "))
	}
	texts, problems := openTexts(cfg)
	if len(problems) > 0 {
		return problems
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	l := loader{host: s.host, cfg: withoutMembers(cfg), shelf: s.shelf, log: s.log, old: s.loaded.Load(), rolledBack: s.keepRolledBack}
	if err := l.load(ctx); err != nil {
		return err
	}
	set := l.set()
	s.loaded.Store(bridge(l.old, set))
	if err := setLists(s.roster, cfg.Lists, s.cfg.Forwards); err != nil { // forward routes wait, as their next hops do
		s.loaded.Store(l.old)
		l.abandon()
		return err
	}
	s.takeOn(&l, set)
	s.texts.Store(texts)
	s.listsChanged()
	if waiting := waitingSections(s.cfg, cfg); len(waiting) > 0 {
		s.log.Warn("reloaded; some changes wait for a restart", "sections", waiting)
	} else {
		s.log.Info("reloaded")
	}
	return nil
}

// bridge is old with what next has beyond it, for the moment in which lists are
// those of next already.
func bridge(old, next *moduleSet) *moduleSet {
	b := &moduleSet{cfg: old.cfg, modules: maps.Clone(next.modules), shadows: old.shadows}
	maps.Copy(b.modules, old.modules)
	return b
}

// takeOn puts the modules of a loader to work, all in one step. A file that has
// changed is on trial, as one that was swapped in is.
func (s *Server) takeOn(l *loader, set *moduleSet) {
	old := l.old
	for name, m := range l.found {
		was := old.modules[name]
		if was == nil || !m.fresh || m.swapped || sameFile(was.Present(), m.version) {
			continue
		}
		if err := s.shelf.Advance(name, m.version.Wasm, was.Present().Wasm, false); err != nil {
			s.log.Error("the version before is not kept", "handler", name, "error", err)
		}
	}
	s.exchanging.Lock()
	for name, m := range l.found {
		switch was := old.modules[name]; {
		case was == nil:
		case m.fresh:
			from := was.Present()
			was.Exchange(m.version, !sameFile(from, m.version) && !isPinned(l.cfg, name))
			s.log.Info("module reloaded", "handler", name, "from", from.Plugin.Digest(), "to", m.version.Plugin.Digest())
		case isPinned(l.cfg, name):
			was.EndTrial()
		}
	}
	s.loaded.Store(set)
	s.exchanging.Unlock()
	s.line.mended()
	for name, shadow := range old.shadows {
		if set.shadows[name] != shadow {
			shadow.Close()
		}
	}
	for name, m := range old.modules {
		if set.modules[name] == nil {
			m.Retire()
		}
	}
}

func sameFile(a, b *modules.Version) bool { return a.Plugin.Digest() == b.Plugin.Digest() }

// movedKeys are the keys that a running gateway cannot follow.
func movedKeys(old, next *config.Config) []string {
	var keys []string
	for _, k := range []struct {
		name string
		same bool
	}{
		{"state_dir", old.StateDir == next.StateDir},
		{"mta.lmtp_host or lmtp_port", old.MTA.ListenAddress() == next.MTA.ListenAddress()},
		{"mta.lmtp_socket", old.MTA.LMTPSocket == next.MTA.LMTPSocket},
		{"lookup.listen", old.Lookup == next.Lookup},
		{"metrics.listen", old.Metrics == next.Metrics},
		{"http.listen", old.HTTP.Listen == next.HTTP.Listen},
	} {
		if !k.same {
			keys = append(keys, k.name)
		}
	}
	return keys
}

// waitingSections are the sections whose changes take a restart.
func waitingSections(old, next *config.Config) []string {
	a, b := *old, *next
	for _, c := range []*config.Config{&a, &b} {
		c.Lists, c.Plugins, c.Lines, c.Incoming.Handlers, c.Outgoing.Handlers = nil, nil, nil, nil, nil
		c.MTA.Incoming, c.MTA.Outgoing, c.MTA.Configuration, c.TextDir = "", "", nil, ""
	}
	var names []string
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range x.NumField() {
		if !reflect.DeepEqual(x.Field(i).Interface(), y.Field(i).Interface()) {
			names = append(names, strings.ToLower(x.Type().Field(i).Name))
		}
	}
	return names
}
