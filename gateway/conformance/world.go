package conformance

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/kv"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/gateway/store"
)

// world is all that a module of one case has around it. Nothing in it is
// anybody else's: what it keeps and what the DNS says is the case's own.
type world struct {
	host   *sandbox.Host
	plugin *sandbox.Plugin
	zone   zone
	kept   values

	mu      sync.Mutex
	refusal refusal // of the trial in progress
}

// refusal is one function that does not do what it is asked. The zero refusal
// is none.
type refusal struct {
	function string
	result   int64
}

func (r refusal) String() string { return fmt.Sprintf("%s answers %d", r.function, r.result) }

// open loads the module as the case says. Where the module itself is to blame,
// the error is a *sandbox.Error or says what the module lacks.
func (c *Case) open(ctx context.Context, m *Module, cache string) (*world, error) {
	spec, err := c.spec(m)
	if err != nil {
		return nil, err
	}
	w := &world{}
	if err := w.fill(c, m.Name); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	w.host, err = sandbox.New(sandbox.Env{
		Version: "0", CacheDir: cache, KV: &w.kept, Resolver: &w.zone, Refuse: w.refuse,
		Local: func(p gateway.ForwardPath) bool { return p.Domain() == "lists.example.com" },
	})
	if err != nil {
		return nil, err
	}
	if w.plugin, err = w.host.Load(ctx, spec); err != nil {
		w.close(ctx)
		return nil, &loadError{err}
	}
	return w, nil
}

// loadError is why a module was not loaded.
type loadError struct{ error }

func (e *loadError) Unwrap() error { return e.error }

// spec is the module as the sections plugin and config have it.
func (c *Case) spec(m *Module) (sandbox.Spec, error) {
	settings, err := c.table("config")
	if err != nil {
		return sandbox.Spec{}, err
	}
	keys := c.section("plugin")
	cfg, err := config.Parse(c.Path, []byte("[plugins.\""+m.Name+"\"]\n"+keys), config.Options{})
	if err != nil {
		return sandbox.Spec{}, fmt.Errorf("%s, section plugin, whose first line counts as 2: %w", c.Path, err)
	}
	p := cfg.Plugin(m.Name)
	spec := sandbox.Spec{
		Name: m.Name, Wasm: m.Wasm, Filter: sandbox.IsProgram(m.Wasm), Config: settings, Capabilities: p.Capabilities, OptionalCapabilities: p.OptionalCapabilities,
		Isolation: sandbox.Isolation(p.Isolation), Mode: sandbox.Mode(p.Mode), MemoryBytes: p.Memory, Fuel: p.Fuel, Timeout: p.Timeout, Instances: 1,
	}
	if !strings.Contains(keys, "fuel") {
		spec.Fuel = FuelMax
	}
	if !p.CapabilitiesGiven {
		spec.Capabilities = slices.Concat(spec.Capabilities, m.Capabilities)
	}
	return spec, nil
}

// fill reads what the DNS answers and what the module has kept.
func (w *world) fill(c *Case, name string) error {
	for _, words := range c.lines("dns") {
		if len(words) < 3 {
			return fmt.Errorf("section dns: %q is not TYPE NAME VALUE", strings.Join(words, " "))
		}
		w.zone.records = append(w.zone.records, record{strings.ToUpper(words[0]), strings.TrimSuffix(words[1], "."), strings.Join(words[2:], " ")})
	}
	for _, words := range c.lines("kv") {
		if err := w.kept.Set(name, words[0], []byte(strings.Join(words[1:], " ")), 0); err != nil {
			return fmt.Errorf("section kv: %w", err)
		}
	}
	return nil
}

func (w *world) close(ctx context.Context) {
	if w.plugin != nil {
		w.plugin.Close()
	}
	w.host.Close(ctx)
	w.kept.close()
}

// set makes a function refuse from now on.
func (w *world) set(r refusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refusal = r
}

// refuse is sandbox.Env.Refuse.
func (w *world) refuse(function string) (int64, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refusal.result, w.refusal.function == function
}

// values keep what modules keep, in memory, from the first use on.
type values struct {
	mu   sync.Mutex
	db   *store.Store
	real *kv.Values
}

func (v *values) open() (*kv.Values, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.real != nil {
		return v.real, nil
	}
	db, err := store.Open(store.Options{Dir: "/kv", FS: store.NewMemory().FS()})
	if err != nil {
		return nil, err
	}
	v.db, v.real = db, kv.New(kv.Options{Store: db})
	return v.real, nil
}

func (v *values) close() {
	if v.db != nil {
		v.db.Close()
	}
}

// Get is of sandbox.KV.
func (v *values) Get(handler, key string) ([]byte, error) {
	real, err := v.open()
	if err != nil {
		return nil, err
	}
	return real.Get(handler, key)
}

// Set is of sandbox.KV.
func (v *values) Set(handler, key string, value []byte, ttl time.Duration) error {
	real, err := v.open()
	if err != nil {
		return err
	}
	return real.Set(handler, key, value, ttl)
}

// Add is of sandbox.KV.
func (v *values) Add(handler, key string, delta int64, ttl time.Duration) (int64, error) {
	real, err := v.open()
	if err != nil {
		return 0, err
	}
	return real.Add(handler, key, delta, ttl)
}

// Delete is of sandbox.KV.
func (v *values) Delete(handler, key string) error {
	real, err := v.open()
	if err != nil {
		return err
	}
	return real.Delete(handler, key)
}

// record is one line of the section dns.
type record struct{ kind, name, value string }

// zone answers from its records: what is not there does not exist, and the
// value "temporary" is a server that does not answer.
type zone struct{ records []record }

func (z *zone) find(kind, name string) ([]string, error) {
	name = strings.TrimSuffix(name, ".")
	var values []string
	for _, r := range z.records {
		if r.kind == kind && strings.EqualFold(r.name, name) {
			values = append(values, r.value)
		}
	}
	failed := &net.DNSError{Err: "no such host", Name: name, IsNotFound: len(values) == 0, IsTemporary: slices.Contains(values, "temporary")}
	if failed.IsNotFound || failed.IsTemporary {
		return nil, failed
	}
	return values, nil
}

// LookupNetIP is of sandbox.Resolver.
func (z *zone) LookupNetIP(_ context.Context, network, host string) (all []netip.Addr, err error) {
	kind := map[string]string{"ip4": "A", "ip6": "AAAA"}[network]
	values, err := z.find(kind, host)
	for _, value := range values {
		address, err := netip.ParseAddr(value)
		if err != nil {
			return nil, err
		}
		all = append(all, address)
	}
	return all, err
}

// LookupTXT is of sandbox.Resolver.
func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	return z.find("TXT", name)
}

// LookupMX is of sandbox.Resolver.
func (z *zone) LookupMX(_ context.Context, name string) (all []*net.MX, err error) {
	values, err := z.find("MX", name)
	for _, value := range values {
		mx := &net.MX{}
		if _, err := fmt.Sscanf(value, "%d %s", &mx.Pref, &mx.Host); err != nil {
			return nil, err
		}
		all = append(all, mx)
	}
	return all, err
}

// LookupAddr is of sandbox.Resolver.
func (z *zone) LookupAddr(_ context.Context, address string) ([]string, error) {
	return z.find("PTR", address)
}
