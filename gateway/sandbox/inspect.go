package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox/meter"
	"github.com/mmgw/mmgw/sdk/wire"
)

// Info is what a module is, as far as can be seen from outside.
type Info struct {
	ABI          string   // "1.0"; "" if it is unknown; the name of WASI for a filter
	Filter       bool     // it is a WASI program
	Hooks        []string // recipient, incoming, outgoing, plan, result, mta_config
	Imports      []string // "mmgw.get", sorted
	Capabilities []string // that its imports need, sorted
	Optional     []string // that its imports can do without, and do more with, sorted
	Missing      []string // imports that this version of mmgw does not offer, sorted
	Ignored      []string // exports named like hooks that this version does not know
	MemoryKiB    int      // at the start
	Metered      bool     // it can run in ModeFuel
	Size         int      // octets
	SHA256       string
}

// Inspect decodes a module and describes it. To learn its version of the ABI it
// runs _initialize and mmgw_abi, in a new instance with the default limits.
func Inspect(wasm []byte) (Info, error) {
	digest := sha256.Sum256(wasm)
	info := Info{Size: len(wasm), SHA256: hex.EncodeToString(digest[:])}
	m, err := meter.Decode(wasm)
	if err != nil {
		return info, err
	}
	if m.Memory != nil {
		info.MemoryKiB = int(m.Memory.PagesMin) * 64
	}
	for _, i := range m.Imports {
		name := gateway.Printable(i.Module + "." + i.Name)
		info.Imports = append(info.Imports, name)
		switch f := find(i.Module, i.Name); {
		case f == nil:
			info.Missing = append(info.Missing, name)
		case f.capability != "":
			info.Capabilities = append(info.Capabilities, f.capability)
		}
	}
	for _, names := range []*[]string{&info.Imports, &info.Capabilities, &info.Missing} { // a module may import one twice
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	_, err = m.Rewrite(startFuel)
	info.Metered = err == nil
	if isProgram(m) {
		return asFilter(info, m)
	}
	hooks, err := checkExports(m)
	if err != nil {
		return info, err
	}
	info.Hooks, info.Ignored = hooks.names(), ignored(m)
	info.Optional = info.optional(hooks)
	info.ABI = askABI(wasm, info)
	return info, nil
}

// byArgument are the functions that need a capability only for some arguments or
// recipients: a module that imports one is loaded without the capability.
var byArgument = [...]struct {
	function   string
	hooks      hook
	capability string
}{
	{"rcpt_get", hookPlan | hookResult, wire.CapMembers},
	{"rcpt_add", hookIncoming, wire.CapRelay},
	{"rcpt_set", hookIncoming, wire.CapRelay},
	{"rcpt_set", hookIncoming | hookPlan, wire.CapRecipients},
	{"rcpt_set", hookPlan, wire.CapHeaders},
	{"set", hookPlan, wire.CapRecipients},
}

// optional are the capabilities that a module with these hooks can use but does
// not need.
func (info Info) optional(hooks hook) (names []string) {
	for _, f := range byArgument {
		if hooks&f.hooks != 0 && slices.Contains(info.Imports, wire.Module+"."+f.function) && !slices.Contains(info.Capabilities, f.capability) {
			names = append(names, f.capability)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// asFilter completes the Info of a WASI program. It changes the message without
// any import of the ABI, so that its imports do not show the capabilities.
func asFilter(info Info, m *meter.Module) (Info, error) {
	hooks, err := checkProgram(m)
	info.Filter, info.ABI, info.Hooks = true, wasiModule, hooks.names()
	info.Capabilities = []string{wire.CapBody, wire.CapHeaders}
	return info, err
}

// ignored are the exports that look like misspelt hooks.
func ignored(m *meter.Module) (names []string) {
	for _, e := range m.Exports {
		known := e.Name == wire.ExportABI || e.Name == wire.ExportInit ||
			slices.ContainsFunc(exports[:], func(x export) bool { return x.name == e.Name })
		if !known && strings.HasPrefix(e.Name, hookPrefix) {
			names = append(names, gateway.Printable(e.Name))
		}
	}
	return names
}

// names are the phases of a set of hooks.
func (h hook) names() (names []string) {
	for _, e := range exports {
		if h&e.hook != 0 {
			names = append(names, e.phase)
		}
	}
	return names
}

// askABI runs a module's mmgw_abi, and returns the version as text or "".
func askABI(wasm []byte, info Info) string {
	ctx := context.Background()
	h, err := New(Env{})
	if err != nil {
		return ""
	}
	defer h.Close(ctx)
	spec := Spec{Name: "inspected", Wasm: wasm, Capabilities: capabilities[:], Instances: 1}
	spec.MemoryBytes = min(max(MemoryBytesDefault, int64(info.MemoryKiB)<<10), MemoryBytesMax)
	if !info.Metered {
		spec.Mode = ModeDeadline
	}
	p, err := h.unstarted(ctx, spec)
	if err != nil {
		return ""
	}
	defer p.compiled.Close(ctx)
	i, failed := p.instantiate(ctx)
	if failed != nil {
		return ""
	}
	defer i.close()
	if failed := p.initialize(ctx, i, wire.ExportInitialize); failed != nil {
		return ""
	}
	version, failed := p.abi(ctx, i)
	if failed != nil {
		return ""
	}
	return fmt.Sprintf("%d.%d", version>>16, version&0xffff)
}
