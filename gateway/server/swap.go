package server

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/kv"
	"github.com/mmgw/mmgw/gateway/modules"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/mta"
)

// PluginSwap are the arguments of plugin.swap.
type PluginSwap struct {
	Name  string `json:"name"`
	Wasm  []byte `json:"wasm,omitempty"`  // the new module
	Reset bool   `json:"reset,omitempty"` // instead of Wasm: what the configuration names
}

// PluginName are the arguments of plugin.rollback.
type PluginName struct {
	Name string `json:"name"`
}

// PluginSwapped is the result of plugin.swap and plugin.rollback.
type PluginSwapped struct {
	Name         string   `json:"name"`
	Digest       string   `json:"digest"`
	Before       string   `json:"before"`           // digest; "" where none was to be had
	Capabilities []string `json:"new_capabilities"` // that the one before did not need
	Hooks        []string `json:"new_hooks"`        // that the one before did not have
	LostHooks    []string `json:"lost_hooks"`       // that the one before had
}

// exchange is one change of what answers to a name.
type exchange struct {
	cfg    *config.Config
	name   string
	uses   []use
	before []byte // nil where it cannot be had
	next   []byte
	source string
	record modules.Record
}

// pluginSwap puts a module in place of another, once it was tried.
func (s *Server) pluginSwap(ctx context.Context, args PluginSwap) (any, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	e, err := s.exchangeOf(args.Name)
	if err != nil {
		return nil, err
	}
	e.next, e.source = args.Wasm, s.shelf.Path(e.name, modules.Digest(args.Wasm))
	if args.Reset {
		if !e.record.Swapped {
			return nil, badData("plugin %s: nothing was swapped in: it is what the configuration names", e.name)
		}
		if e.next, e.source, err = findNamed(e.cfg, e.name); err != nil {
			return nil, badPlugin(e.name, err)
		}
	} else if len(args.Wasm) > moduleBytesMax {
		return nil, badData("the module is larger than %d MiB", moduleBytesMax>>20)
	}
	same := e.before != nil && modules.Digest(e.before) == modules.Digest(e.next)
	if same && !args.Reset {
		return nil, badData("plugin %s: this module is at work already", e.name)
	}
	result, err := s.perform(ctx, e, !same, func() error { return s.shelf.Advance(e.name, e.next, e.before, !args.Reset) })
	if err == nil {
		s.log.Info("module swapped", "handler", e.name, "from", result.Before, "to", result.Digest, "reset", args.Reset)
	}
	return result, err
}

// pluginRollback puts the version before in place of the present one.
func (s *Server) pluginRollback(ctx context.Context, args PluginName) (any, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	e, err := s.exchangeOf(args.Name)
	if err != nil {
		return nil, err
	}
	present := ""
	if e.before != nil {
		present = modules.Digest(e.before)
	}
	digest := e.record.Before(present)
	if digest == "" {
		return nil, badData("plugin %s: there is no version before the present one", e.name)
	}
	if e.next, err = s.shelf.Module(e.name, digest); err != nil {
		return nil, badPlugin(e.name, err)
	}
	named, source := s.named(e.name)
	if e.source = source; named != digest {
		e.source = s.shelf.Path(e.name, digest)
	}
	result, err := s.perform(ctx, e, false, func() error { return s.shelf.Back(e.name, present, digest, named) })
	if err == nil {
		s.log.Info("module rolled back", "handler", e.name, "from", result.Before, "to", result.Digest)
	}
	return result, err
}

// badPlugin is the refusal of a request by an error about a plugin.
func badPlugin(name string, err error) error { return badData("%v", aboutPlugin(name, err)) }

// exchangeOf finds out what a plugin is used for, and what it is at present.
func (s *Server) exchangeOf(name string) (*exchange, error) {
	e := &exchange{cfg: s.inForce(), name: name}
	for _, u := range usesOf(e.cfg) {
		if u.name == name {
			e.uses = append(e.uses, u)
		}
	}
	if len(e.uses) == 0 {
		return nil, badData("the configuration uses no plugin %q", name)
	}
	var err error
	if e.record, err = s.shelf.Record(name); err != nil {
		return nil, badPlugin(name, err)
	}
	if set := s.loaded.Load(); set != nil {
		e.before = set.modules[name].Present().Wasm
	} else if f, err := find(e.cfg, s.shelf, name); err == nil {
		e.before = f.wasm
	}
	return e, nil
}

// perform tries the new module, keeps it by means of keep, and then has the
// gateway that runs use it.
func (s *Server) perform(ctx context.Context, e *exchange, onTrial bool, keep func() error) (*PluginSwapped, error) {
	result, err := e.compare()
	if err == nil {
		err = checkPin(e.cfg, e.name, "the module", e.next)
	}
	if err != nil {
		return nil, badPlugin(e.name, err)
	}
	host, done, err := s.sandbox()
	if err != nil {
		return nil, err
	}
	defer done()
	if err := s.try(ctx, host, e); err != nil {
		return nil, badPlugin(e.name, err)
	}
	set := s.loaded.Load()
	if set == nil {
		return result, keep()
	}
	l := loader{host: host, cfg: e.cfg, log: s.log}
	v, err := l.loadVersion(ctx, e.name, e.next, e.source)
	if err != nil {
		return nil, badPlugin(e.name, err)
	}
	if err := keep(); err != nil {
		v.Plugin.Close()
		return nil, fmt.Errorf("plugin %s cannot be kept: %w", e.name, err)
	}
	s.exchanging.Lock()
	set.modules[e.name].Exchange(v, onTrial)
	s.exchanging.Unlock()
	s.line.mended()
	if e.name == writerName(set) {
		s.listsChanged()
	}
	return result, nil
}

// compare says what the new module wants that the one before did not.
func (e *exchange) compare() (*PluginSwapped, error) {
	is, err := sandbox.Inspect(e.next)
	if err != nil {
		return nil, err
	}
	r := &PluginSwapped{Name: e.name, Digest: is.SHA256}
	var was sandbox.Info
	if e.before != nil {
		r.Before = modules.Digest(e.before)
		if was, err = sandbox.Inspect(e.before); err != nil {
			return nil, fmt.Errorf("the module before: %w", err)
		}
	}
	r.Capabilities, r.Hooks = without(is.Capabilities, was.Capabilities), without(is.Hooks, was.Hooks)
	r.LostHooks = without(was.Hooks, is.Hooks)
	return r, nil
}

// without are the texts of all that are not in some; never nil.
func without(all, some []string) []string {
	rest := []string{}
	for _, text := range all {
		if !slices.Contains(some, text) {
			rest = append(rest, text)
		}
	}
	return rest
}

// sandbox is the host of the gateway that runs, or one for the moment.
func (s *Server) sandbox() (host *sandbox.Host, done func(), err error) {
	if s.host != nil {
		return s.host, func() {}, nil
	}
	host, err = s.newHost()
	return host, func() { host.Close(context.Background()) }, err
}

// try loads a module for the time of a self-test, so that neither its counts
// nor its memory are left in the one that is put to work.
func (s *Server) try(ctx context.Context, host *sandbox.Host, e *exchange) error {
	scratch, err := kv.NewScratch() // a self-test leaves nothing among what the module keeps
	if err != nil {
		return err
	}
	defer scratch.Close()
	spec := specOf(e.cfg, e.name, e.next)
	spec.Instances, spec.KV = 1, scratch
	p, err := host.Load(ctx, spec)
	if err != nil {
		return err
	}
	defer p.Close()
	var problems []error
	for _, u := range e.uses {
		problems = append(problems, u.check(p))
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	if err := modules.SelfTest(ctx, p); err != nil || !p.Writes() {
		return err
	}
	site := siteOf(s.mtaConfig(), s.listening.Load().(string), MTADir(s.cfg))
	if _, err := mta.RenderTwice(ctx, p, mta.Inventory(site, s.inventoryLists(), forwardsOf(s.cfg))); err != nil {
		return fmt.Errorf("self-test on the lists of this site: %w", err)
	}
	return nil
}

// named is what the configuration names; the digest is "" if that cannot be had.
func (s *Server) named(name string) (digest, source string) {
	wasm, source, err := findNamed(s.inForce(), name)
	if err != nil {
		return "", source
	}
	return modules.Digest(wasm), source
}

// keepRolledBack makes a roll-back that came by itself outlive a restart.
func (s *Server) keepRolledBack(name string, from, to *modules.Version) {
	named, _ := s.named(name)
	if err := s.shelf.Back(name, from.Plugin.Digest(), to.Plugin.Digest(), named); err != nil {
		s.log.Error("the roll-back does not outlive a restart", "handler", name, "error", err)
	}
	s.line.mended()
}
