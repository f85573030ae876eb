package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/mmgw/mmgw/gateway"
)

// Env is the world around the modules.
type Env struct {
	Version  string                         // the key host.version of the ABI
	CacheDir string                         // for compiled code, up to CacheBytesMax, made if it is missing; "": none. It is not used if others may write there
	Logger   *slog.Logger                   // nil: nothing is logged
	Local    func(gateway.ForwardPath) bool // whether it is an address of a list or of a forward domain; nil: none is
	KV       KV                             // behind the capability kv; nil: its functions return wire.Temporary
	Resolver Resolver                       // behind the capability dns; nil: its function returns wire.Temporary

	// Refuse lets trials of modules make host functions fail. It is asked before
	// every host function that the module may call, and if it refuses, the module
	// gets result. nil: nothing is refused. It must be safe for concurrent use.
	Refuse func(function string) (result int64, refused bool)
}

// Host compiles and runs modules. It is safe for concurrent use.
type Host struct {
	env   Env
	cache wazero.CompilationCache
	dns   dnsCache

	mu       sync.Mutex
	runtimes map[class]wazero.Runtime
}

// class is what the modules of one wazero runtime have in common: a runtime has
// one memory limit, and one way to stop code.
type class struct {
	pages uint32 // of memory, at most
	mode  Mode
}

// New makes a Host. It fails if the cache directory cannot be used.
func New(env Env) (*Host, error) {
	h := &Host{env: env, cache: wazero.NewCompilationCache(), runtimes: map[class]wazero.Runtime{}}
	if env.Logger == nil {
		h.env.Logger = slog.New(slog.DiscardHandler)
	}
	if err := checkPrivate(env.CacheDir); err != nil {
		h.env.Logger.Warn("compiled modules are not kept on disk", "error", err)
		h.env.CacheDir = ""
	}
	if h.env.CacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(h.env.CacheDir)
		if err != nil {
			return nil, fmt.Errorf("cache of compiled modules: %w", err)
		}
		h.cache = cache
	}
	return h, nil
}

// Close frees all compiled code. Close every Plugin first.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, r := range h.runtimes {
		errs = append(errs, r.Close(ctx))
	}
	clear(h.runtimes)
	return errors.Join(append(errs, h.cache.Close(ctx))...)
}

// runtime returns the runtime of a class, with the host functions in it. These
// find the call that they serve in the context that wazero hands them.
func (h *Host) runtime(ctx context.Context, key class) (wazero.Runtime, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.runtimes[key]; r != nil {
		return r, nil
	}
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithCompilationCache(h.cache).
		WithDebugInfoEnabled(false).
		WithMemoryLimitPages(key.pages).
		WithCloseOnContextDone(key.mode == ModeDeadline))
	for name, table := range hostModules {
		b := r.NewHostModuleBuilder(name)
		for i := range table {
			f := &table[i]
			b.NewFunctionBuilder().WithGoModuleFunction(f, values(f.params), values(f.result)).Export(f.name)
		}
		if _, err := b.Instantiate(ctx); err != nil {
			r.Close(ctx)
			return nil, fmt.Errorf("host module %s: %w", name, err)
		}
	}
	h.runtimes[key] = r
	return r, nil
}
