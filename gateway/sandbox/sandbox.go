// Package sandbox runs WebAssembly modules as handlers, planners and writers
// of MTA configurations: it is the host side of ABI 1 (sdk/ABI.md).
//
// What it promises about a module, whatever the module does:
//
//   - A call takes at most Spec.Fuel units of work, Spec.MemoryBytes of memory
//     and, give or take some milliseconds, Spec.Timeout of time.
//   - A module sees only what the host functions of its phase and its capabilities
//     show it: no file, no network and no environment of the host.
//   - Under the isolation Restore, nothing that one call left in memory is there in
//     the next. An instance that trapped, spent its fuel, ran out of time or ended
//     with proc_exit is never used again.
//   - A filter, which is a WASI program, gets a new instance for each message. It
//     reads the message, writes another, and decides with its exit code; see
//     filter.go.
//   - The edits and the verdict of a call apply together if it returned 0, and not
//     at all otherwise. A call that fails gives an *Error, never a verdict.
//
// A Host owns the compiled code; a Plugin is one loaded module with its pool of
// instances. Package meter rewrites modules before they are compiled.
package sandbox

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/mmgw/mmgw/sdk/wire"
)

// Isolation says how much of its state one call leaves to the next.
type Isolation string

// The isolations. Restored and pooled instances start as copies of the first
// instance after its mmgw_init; fresh ones run mmgw_init themselves.
const (
	Restore Isolation = "restore" // nothing: memory and globals are put back after every call
	Pooled  Isolation = "pooled"  // everything, until the instance uses more than half of its memory and is put back
	Fresh   Isolation = "fresh"   // nothing: every call gets a new instance
)

// Mode says what stops a module that does not end by itself.
type Mode string

// The modes. ModeDeadline is for modules that cannot be metered. It makes code
// 5 to 17 times slower, may take seconds to stop recursion without loops, and
// cannot restore instances: Restore means Fresh there.
const (
	ModeFuel     Mode = "fuel"
	ModeDeadline Mode = "deadline"
)

// Defaults of a Spec.
const (
	MemoryBytesDefault = 16 << 20
	FuelDefault        = 1_000_000_000
	TimeoutDefault     = 5 * time.Second
)

// MemoryBytesMax bounds Spec.MemoryBytes, so that one instance cannot take the
// machine.
const MemoryBytesMax = 1 << 30

// InstancesWaiting is how many calls of a module with the capability dns run at
// a time: most of them wait for an answer, and must not hold up the others.
const InstancesWaiting = 64

// pageBytes is the unit of memory in WebAssembly.
const pageBytes = 64 << 10

// Spec is what a configuration says about one module. Zero values mean the
// defaults; nil Capabilities mean headers and body.
type Spec struct {
	Name                 string // of the plugin, in messages and as handler.name
	Wasm                 []byte // must not change
	Filter               bool   // Wasm is a WASI program: message on standard input, message out
	Config               map[string]any
	KV                   KV // used in place of Env.KV; nil: Env.KV is used
	Capabilities         []string
	OptionalCapabilities []string // the module loads without them; functions that need them then return "not permitted"
	Isolation            Isolation
	Mode                 Mode
	MemoryBytes          int64         // of an instance; rounded down to pages of 64 KiB
	Fuel                 int64         // units of one call, see package meter
	Timeout              time.Duration // of one call
	Instances            int           // calls at a time; 0: as many as processors, InstancesWaiting with dns

	// Missed is called once for each setting that the module asked for and that is
	// not set, with those that are set and that it has not asked for: one of them
	// may be a misspelling. It is called after loading and after calls, never
	// during one. nil: not called.
	Missed func(key string, unread []string)
}

// normal returns the Spec with its defaults filled in.
func (s Spec) normal() (Spec, error) {
	if s.Capabilities == nil {
		s.Capabilities = []string{wire.CapHeaders, wire.CapBody}
	}
	s.Isolation = cmp.Or(s.Isolation, Restore)
	s.Mode = cmp.Or(s.Mode, ModeFuel)
	s.MemoryBytes = cmp.Or(s.MemoryBytes, MemoryBytesDefault)
	s.Fuel = cmp.Or(s.Fuel, FuelDefault)
	s.Timeout = cmp.Or(s.Timeout, TimeoutDefault)
	if slices.Contains(s.Capabilities, wire.CapDNS) {
		s.Instances = cmp.Or(s.Instances, InstancesWaiting)
	}
	s.Instances = cmp.Or(s.Instances, runtime.GOMAXPROCS(0))
	switch {
	case s.Isolation != Restore && s.Isolation != Pooled && s.Isolation != Fresh:
		return s, fmt.Errorf("%s is %q, not restore, pooled or fresh", s.key("isolation"), s.Isolation)
	case s.Mode != ModeFuel && s.Mode != ModeDeadline:
		return s, fmt.Errorf("%s is %q, not fuel or deadline", s.key("mode"), s.Mode)
	case s.MemoryBytes < pageBytes || s.MemoryBytes > MemoryBytesMax:
		return s, fmt.Errorf("%s is %d octets, not between 64 KiB and 1 GiB", s.key("memory"), s.MemoryBytes)
	case s.Fuel < 0 || s.Fuel > math.MaxInt64/2:
		return s, fmt.Errorf("%s is %d, which is not an amount of fuel", s.key("fuel"), s.Fuel)
	case s.Timeout < 0 || s.Instances < 0:
		return s, fmt.Errorf("%s and %s must not be negative", s.key("timeout"), s.key("instances"))
	}
	if s.Mode == ModeDeadline && s.Isolation == Restore || s.Filter { // a program runs once
		s.Isolation = Fresh
	}
	return s, nil
}

// key is the name of a setting in the configuration.
func (s Spec) key(name string) string { return "plugins." + s.Name + "." + name }
