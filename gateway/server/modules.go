package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/plugins"
)

// moduleBytesMax bounds a module file: more is not read.
const moduleBytesMax = 32 << 20

// The least budget of a writer of MTA configurations: it works for all lists
// in one call, outside the way of mail; 100,000 lists take 1.3 G units.
const (
	writerFuelMin    = 10_000_000_000
	writerTimeoutMin = time.Minute
)

// moduleSet is the modules of one configuration, loaded. It does not change;
// a reload makes another. It implements pipeline.Chains.
type moduleSet struct {
	cfg     *config.Config
	plugins map[string]*sandbox.Plugin
	sources map[string]string // by plugin: "built-in", or its file
}

var _ pipeline.Chains = (*moduleSet)(nil)

// loadModules loads every module that cfg uses. All that is wrong is found in
// one run; the modules that do load are closed then.
func loadModules(ctx context.Context, host *sandbox.Host, cfg *config.Config) (*moduleSet, error) {
	set := &moduleSet{cfg: cfg, plugins: map[string]*sandbox.Plugin{}, sources: map[string]string{}}
	var problems []error
	for _, use := range usesOf(cfg) {
		if err := set.load(ctx, host, use); err != nil {
			problems = append(problems, fmt.Errorf("plugin %s: %w", use.name, err))
		}
	}
	if len(problems) > 0 {
		set.close()
		return nil, errors.Join(problems...)
	}
	return set, nil
}

// use is one plugin and what it must be able to do.
type use struct {
	name string
	as   string // as the configuration calls it
	fits func(*sandbox.Plugin) bool
}

func usesOf(cfg *config.Config) []use {
	serves := func(phases ...gateway.Phase) func(*sandbox.Plugin) bool {
		return func(p *sandbox.Plugin) bool { return slices.ContainsFunc(phases, p.Serves) }
	}
	uses := []use{
		writerUse(cfg),
		{cfg.MTA.Outgoing, "mta.outgoing", serves(gateway.PhasePlan)},
	}
	incoming := slices.Clone(cfg.Incoming.Handlers)
	for _, list := range cfg.Lists {
		incoming = append(incoming, list.Incoming...)
	}
	for _, name := range sorted(incoming) {
		uses = append(uses, use{name, "an incoming handler", serves(gateway.PhaseRecipient, gateway.PhaseIncoming)})
	}
	for _, name := range sorted(cfg.Outgoing.Handlers) {
		uses = append(uses, use{name, "an outgoing handler", serves(gateway.PhaseOutgoing)})
	}
	return uses
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *moduleSet) load(ctx context.Context, host *sandbox.Host, u use) error {
	p := s.plugins[u.name]
	if p == nil {
		if s.cfg.Plugin(u.name).Kind == config.KindFilter {
			return errFilter
		}
		wasm, source, err := find(s.cfg, u.name)
		if err != nil {
			return err
		}
		if p, err = host.Load(ctx, specOf(s.cfg, u.name, wasm)); err != nil {
			return err
		}
		s.plugins[u.name], s.sources[u.name] = p, source
	}
	if !u.fits(p) {
		return fmt.Errorf("cannot be %s: it has no export for that", u.as)
	}
	return nil
}

// find reads a module: plugins.NAME.path, else the built-in, else
// plugin_dir/NAME.wasm.
func find(cfg *config.Config, name string) (wasm []byte, source string, err error) {
	settings := cfg.Plugin(name)
	builtin, known := plugins.Lookup(name)
	switch {
	case settings.Path != "":
		source = settings.Path
	case known:
		wasm, source = builtin, "built-in"
	default:
		source = filepath.Join(cfg.PluginDir, name+".wasm")
	}
	if wasm == nil {
		if wasm, err = readModule(source); err != nil {
			return nil, "", err
		}
	}
	digest := sha256.Sum256(wasm)
	if got := hex.EncodeToString(digest[:]); settings.SHA256 != "" && settings.SHA256 != got {
		return nil, "", fmt.Errorf("%s has the SHA-256 %s, and plugins.%s.sha256 asks for another", source, got, name)
	}
	return wasm, source, nil
}

func readModule(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("is no file")}
	case info.Size() > moduleBytesMax:
		return nil, fmt.Errorf("%s is larger than %d MiB", path, moduleBytesMax>>20)
	}
	return os.ReadFile(path)
}

func specOf(cfg *config.Config, name string, wasm []byte) sandbox.Spec {
	settings := cfg.Plugin(name)
	spec := sandbox.Spec{
		Name: name, Wasm: wasm, Config: settings.Config,
		Capabilities: settings.Capabilities, OptionalCapabilities: settings.OptionalCapabilities,
		Isolation: sandbox.Isolation(settings.Isolation), Mode: sandbox.Mode(settings.Mode),
		MemoryBytes: settings.Memory, Fuel: settings.Fuel, Timeout: settings.Timeout, Instances: settings.Instances,
	}
	if name == cfg.MTA.Incoming {
		spec.Fuel, spec.Timeout = max(spec.Fuel, writerFuelMin), max(spec.Timeout, writerTimeoutMin)
	}
	if !settings.CapabilitiesGiven && settings.Path == "" {
		spec.Capabilities = slices.Concat(spec.Capabilities, plugins.Capabilities(name))
	}
	return spec
}

// Incoming implements pipeline.Chains.
func (s *moduleSet) Incoming(list *gateway.List) pipeline.Chain {
	if list != nil && list.Incoming != nil {
		return s.chain(list.Incoming)
	}
	return s.chain(s.cfg.Incoming.Handlers)
}

// Outgoing implements pipeline.Chains.
func (s *moduleSet) Outgoing(*gateway.List) pipeline.Chain {
	return s.chain(s.cfg.Outgoing.Handlers)
}

func (s *moduleSet) chain(names []string) pipeline.Chain {
	chain := make(pipeline.Chain, 0, len(names))
	for _, name := range names {
		p := s.plugins[name]
		chain = append(chain, pipeline.Step{
			Name: name, Module: moduleName(p), Handler: p, OnError: pipeline.OnError(s.cfg.Plugin(name).OnError),
		})
	}
	return chain
}

// moduleName ties a record to the module that was at work: its name and the
// first digits of its SHA-256.
func moduleName(p *sandbox.Plugin) string {
	const digits = 12
	return p.Name() + "@" + p.Digest()[:digits]
}

func (s *moduleSet) planner() *sandbox.Plugin { return s.plugins[s.cfg.MTA.Outgoing] }

func (s *moduleSet) writer() *sandbox.Plugin { return s.plugins[s.cfg.MTA.Incoming] }

func (s *moduleSet) close() {
	for _, p := range s.plugins {
		p.Close()
	}
}

// ModuleInfo is what `plugin ls` shows of one loaded module.
type ModuleInfo struct {
	Name   string
	Kind   string // handler, planner or writer
	Digest string
	Source string // "built-in" or its file
	State  string // loaded
	Stats  sandbox.Stats
}

func (s *moduleSet) info() []ModuleInfo {
	var rows []ModuleInfo
	for _, name := range slices.Sorted(maps.Keys(s.plugins)) {
		p := s.plugins[name]
		rows = append(rows, ModuleInfo{name, kindOf(p), p.Digest(), s.sources[name], "loaded", p.Stats()})
	}
	return rows
}

func kindOf(p *sandbox.Plugin) string {
	kinds := ""
	if p.Writes() {
		kinds = "writer"
	}
	if p.Serves(gateway.PhasePlan) {
		kinds = strings.TrimPrefix(kinds+" planner", " ")
	}
	return cmp.Or(kinds, "handler")
}

// Modules are the loaded modules and what they have done.
func (s *Server) Modules() []ModuleInfo { return s.modules() }
