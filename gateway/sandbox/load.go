package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox/meter"
	"github.com/mmgw/mmgw/sdk/wire"
)

// Load checks a module, compiles it and starts it, which runs _initialize,
// mmgw_abi and mmgw_init. The error says what the operator can do, and is an
// *Error if the module itself failed.
func (h *Host) Load(ctx context.Context, spec Spec) (*Plugin, error) {
	p, err := h.unstarted(ctx, spec)
	if err != nil {
		return nil, err
	}
	if err := p.start(ctx); err != nil {
		p.compiled.Close(ctx)
		return nil, err
	}
	return p, nil
}

// unstarted is Load without the start: nothing of the module has run yet.
func (h *Host) unstarted(ctx context.Context, spec Spec) (*Plugin, error) {
	spec, err := spec.normal()
	if err != nil {
		return nil, err
	}
	return h.prepared(ctx, spec)
}

// prepared is unstarted for a Spec with its defaults.
func (h *Host) prepared(ctx context.Context, spec Spec) (*Plugin, error) {
	p := &Plugin{
		spec: spec, host: h, kv: h.env.KV, loaded: time.Now(),
		log:    h.env.Logger.With("plugin", spec.Name),
		digest: fmt.Sprintf("%x", sha256.Sum256(spec.Wasm)), pool: newPool(spec.Instances), closed: make(chan struct{}),
	}
	if spec.KV != nil {
		p.kv = spec.KV
	}
	if spec.Missed != nil && !spec.Filter { // a program gets all settings in its environment
		p.asked.listen(spec.Config)
	}
	if err := p.prepare(); err != nil {
		return nil, fmt.Errorf("plugin %s: %w", spec.Name, err)
	}
	binary, err := p.check()
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", spec.Name, err)
	}
	if err := h.compile(ctx, p, binary); err != nil {
		return nil, fmt.Errorf("plugin %s: %w", spec.Name, err)
	}
	return p, nil
}

// prepare checks the capabilities of the Spec, and encodes its settings.
func (p *Plugin) prepare() error {
	granted := map[string][]string{"capabilities": p.spec.Capabilities, "optional_capabilities": p.spec.OptionalCapabilities}
	for key, names := range granted {
		for _, name := range names {
			if !slices.Contains(capabilities[:], name) {
				return fmt.Errorf("%s: there is no capability %q", p.spec.key(key), name)
			}
		}
	}
	p.config = "{}"
	if p.spec.Config == nil {
		return nil
	}
	b, err := json.Marshal(p.spec.Config)
	switch {
	case err != nil:
		return fmt.Errorf("%s cannot be passed to the module as JSON: %w", p.spec.key("config"), err)
	case len(b) > configBytesMax:
		return fmt.Errorf("%s has %d octets as JSON, more than %d", p.spec.key("config"), len(b), configBytesMax)
	}
	p.config = string(b)
	return nil
}

// check decodes the module, looks at what it exports and imports, and returns
// what is to be compiled.
func (p *Plugin) check() ([]byte, error) {
	m, err := meter.Decode(p.spec.Wasm)
	if err != nil {
		return nil, err
	}
	hooksOf := checkExports
	if p.spec.Filter {
		hooksOf = checkProgram
	}
	if p.hooks, err = hooksOf(m); err != nil {
		return nil, err
	}
	if err := p.checkImports(m); err != nil {
		return nil, err
	}
	if limit := p.spec.MemoryBytes / pageBytes; int64(m.Memory.PagesMin) > limit {
		return nil, fmt.Errorf("it needs %d KiB of memory to start with, and %s allows %d KiB",
			m.Memory.PagesMin*64, p.spec.key("memory"), limit*64)
	}
	if p.spec.Mode != ModeFuel {
		return m.Plain(), nil
	}
	metered, err := m.Rewrite(startFuel)
	if err != nil {
		return nil, fmt.Errorf("%w (%s = \"deadline\" runs it anyway, slowly)", err, p.spec.key("mode"))
	}
	p.globals = metered.Globals
	return metered.Binary, nil
}

// setupExports are the functions that a module exports for its start, with their
// parameters and results.
var setupExports = map[string]struct {
	params, result string
	optional       bool
}{
	wire.ExportABI:        {"", "i", false},
	wire.ExportInit:       {"", "i", true},
	wire.ExportInitialize: {"", "", true},
}

// checkExports returns the hooks that a module exports.
func checkExports(m *meter.Module) (hook, error) {
	var hooks hook
	found := map[string]meter.Export{}
	for _, e := range m.Exports {
		found[e.Name] = e
	}
	if found[wire.ExportMemory].Kind != "memory" {
		return 0, fmt.Errorf("it does not export its memory as %q", wire.ExportMemory)
	}
	for _, name := range []string{wire.ExportABI, wire.ExportInit, wire.ExportInitialize} {
		e, there := found[name]
		r := setupExports[name]
		switch {
		case !there && !r.optional && isProgram(m):
			return 0, fmt.Errorf(`it does not export %s: it is a WASI program, which is used with kind = "filter"`, name)
		case !there && !r.optional:
			return 0, fmt.Errorf("it does not export %s: it is not a module for mmgw", name)
		case there && !isFunction(e, r.params, r.result):
			return 0, fmt.Errorf("its export %s is not a function %s", name, signature(r.params, r.result))
		}
	}
	for _, hook := range exports {
		e, there := found[hook.name]
		switch {
		case there && !isFunction(e, hook.params, "i"):
			return 0, fmt.Errorf("its export %s is not a function %s", hook.name, signature(hook.params, "i"))
		case there:
			hooks |= hook.hook
		}
	}
	return hooks, nil
}

// isFunction says whether an export is a function of that type.
func isFunction(e meter.Export, params, result string) bool {
	return e.Kind == "func" && e.Signature == meter.Signature{Params: octets(params), Results: octets(result)}
}

// signature is a type for people, as the text format of WebAssembly has it.
func signature(params, result string) string {
	names := strings.NewReplacer("i", "i32 ", "I", "i64 ")
	return "(" + strings.TrimSpace(names.Replace(params)) + ") -> (" + strings.TrimSpace(names.Replace(result)) + ")"
}

// checkImports names everything that is wrong with the imports at once.
func (p *Plugin) checkImports(m *meter.Module) error {
	var unknown, wrong, forbidden, needed []string
	for _, i := range m.Imports {
		name := gateway.Printable(i.Name)
		f := find(i.Module, i.Name)
		switch {
		case f == nil:
			unknown = append(unknown, gateway.Printable(i.Module)+"."+name)
		case !f.matches(i.Signature):
			wrong = append(wrong, name+" "+signature(f.params, f.result))
		case f.capability != "" && !p.grants(f.capability) && !slices.Contains(p.spec.OptionalCapabilities, f.capability):
			forbidden = append(forbidden, name)
			needed = append(needed, fmt.Sprintf("%q", f.capability))
		}
	}
	var problems []error
	add := func(names []string, format string, args ...any) {
		if len(names) > 0 {
			problems = append(problems, fmt.Errorf(format, append([]any{strings.Join(names, ", ")}, args...)...))
		}
	}
	add(unknown, "it imports %s, which mmgw does not offer to modules")
	add(wrong, "it imports functions with other types than they have: %s")
	slices.Sort(needed)
	add(forbidden, "it imports %s: %s has to name %s", p.spec.key("capabilities"), strings.Join(slices.Compact(needed), ", "))
	return errors.Join(problems...)
}

// compile makes machine code of the module. It is what takes the time of loading:
// some milliseconds for a small module, a second for a language runtime.
func (h *Host) compile(ctx context.Context, p *Plugin, binary []byte) error {
	r, err := h.runtime(ctx, class{uint32(p.spec.MemoryBytes / pageBytes), p.spec.Mode})
	if err != nil {
		return err
	}
	compiled, err := r.CompileModule(ctx, binary)
	if err != nil && h.env.CacheDir != "" && isValid(ctx, binary) {
		p.log.Warn("the cache of compiled modules is emptied: it may be damaged", "error", gateway.Printable(err.Error()))
		_ = trimCache(h.env.CacheDir, -1)            // empty files too
		compiled, err = r.CompileModule(ctx, binary) // needs no file: the cache is not worth an outage
	}
	if err != nil {
		return fmt.Errorf("it cannot be compiled: %s", gateway.Printable(err.Error()))
	}
	p.runtime, p.compiled = r, compiled
	if h.env.CacheDir != "" {
		if err := trimCache(h.env.CacheDir, CacheBytesMax); err != nil {
			p.log.Warn("the cache of compiled modules could not be trimmed", "error", err)
		}
	}
	return nil
}

// isValid says whether a module that did not compile is sound, so that the cache is at
// fault.
func isValid(ctx context.Context, binary []byte) bool {
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter()) // has no cache, and takes little time
	defer r.Close(ctx)
	_, err := r.CompileModule(ctx, binary)
	return err == nil && ctx.Err() == nil
}

// start makes the first instance, and the snapshot of it that others start from.
func (p *Plugin) start(ctx context.Context) error {
	i, failed := p.newInstance(ctx)
	p.asked.tell(p.spec.Missed) // also after a failure: a missing setting may be its reason
	if failed != nil {
		return failed
	}
	i.brake.quiet()
	switch p.spec.Isolation {
	case Fresh:
		i.close()
		return nil
	case Restore, Pooled:
		if p.spec.Mode == ModeFuel {
			p.snapshot = i.take()
		}
	}
	i.call, i.born = call{}, i.memoryBytes()
	p.pool.push(i)
	return nil
}

// handshake asks the module for its version of the ABI.
func (p *Plugin) handshake(ctx context.Context, i *instance) *Error {
	version, failed := p.abi(ctx, i)
	if failed != nil {
		return failed
	}
	const ours, minors = wire.Version >> 16, wire.Version & 0xffff
	major, minor := version>>16, version&0xffff
	if major != ours || minor > minors {
		return i.call.failure(Returned, fmt.Sprintf("it speaks ABI %d.%d, and mmgw ABI %d.0 to %d.%d", major, minor, ours, ours, minors))
	}
	return nil
}

// abi runs mmgw_abi, whose result is not an error.
func (p *Plugin) abi(ctx context.Context, i *instance) (uint32, *Error) {
	i.call.begin(ctx, p, i, hookInit, nil)
	version, failed := i.run(i.module.ExportedFunction(wire.ExportABI), 0)
	if failed != nil && failed.Fault != Returned {
		return 0, failed
	}
	return uint32(version), nil
}
