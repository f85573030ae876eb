// Package meter rewrites a WebAssembly module so that its host can bound what
// a call costs and can put an instance back to an earlier state.
//
// Decode reads a module. It refuses one that is malformed, that would make the
// compiler allocate without bound, or that uses more than WebAssembly 2.0: later
// proposals add instructions that would escape the counting.
// Module.Rewrite then returns a binary in which
//
//   - every function entry and every loop header takes one unit from a counter,
//     and straight code takes RegionUnits more for every RegionLength
//     instructions, so that a unit stands for a bounded piece of work;
//   - memory.copy, memory.fill and memory.init take one unit for each
//     OctetsPerUnit octets, memory.grow takes GrowUnits;
//   - an exhausted counter traps;
//   - every SliceUnits units the code calls into the Go runtime, which otherwise
//     could not collect garbage;
//   - memory.size and memory.grow work on a virtual size, because real memory
//     cannot shrink again;
//   - all mutable globals are exported.
//
// The whole state of an instance is then its memory, the globals that
// Metered.Globals names, and GlobalPages. Rewrite refuses modules that have other
// state.
//
// The counter consists of two globals: GlobalSlice is what may be spent before the
// next call into Go, and GlobalRest is what remains after that. Their sum is the
// fuel left. If GlobalSlice is below zero after a trap, the fuel ran out or
// GlobalStop was set.
//
// Fuel bounds work, not time: code that waits for memory may take a thousand times
// as long per unit as other code. GlobalStop is how the host enforces a time
// limit; it may be set while the module runs.
package meter

import (
	"errors"
	"fmt"
	"strconv"
)

// Names of the exports that Rewrite adds. A module that exports a name with
// Prefix is refused.
const (
	Prefix      = "__mmgw_"
	GlobalSlice = Prefix + "slice" // i64
	GlobalRest  = Prefix + "rest"  // i64
	GlobalPages = Prefix + "pages" // i32, the virtual size of memory
	GlobalStop  = Prefix + "stop"  // i32, other than 0: trap when the slice is spent
)

// What a unit of fuel is. Honest code spends most of it at loop headers, some
// ten instructions a unit; the bound for any code is RegionLength.
const (
	SliceUnits    = 1 << 15 // some 10 µs, or 5 ms of code that waits for memory: Go's collector waits that long
	RegionLength  = 64      // instructions; shorter regions slow straight code down
	RegionUnits   = 8       // straight code runs some eight instructions in the time of a unit
	OctetsPerUnit = 8       // of bulk memory instructions
	GrowUnits     = 1 << 10 // of memory.grow, which calls into Go even when it fails
)

// Metered is a rewritten module.
type Metered struct {
	Binary  []byte
	Globals []string // export names of the module's own mutable globals
}

// Rewrite returns the module with a meter in it. startFuel is what the start
// function may spend. Before each later call the host sets GlobalSlice to the
// smaller of the call's fuel and SliceUnits, and GlobalRest to the rest.
func (m *Module) Rewrite(startFuel int64) (Metered, error) {
	if m.refusal != "" {
		return Metered{}, fmt.Errorf("the module cannot be metered: %s", m.refusal)
	}
	if m.Memory == nil {
		return Metered{}, errors.New("the module cannot be metered: it has no memory")
	}
	w := newWriter(m)
	slice := min(startFuel, SliceUnits)
	sections := m.sections
	sections[sectionType] = appended(m.sections[sectionType], typeAction, typeMap)
	sections[sectionFunction] = appended(m.sections[sectionFunction],
		uleb(nil, w.typeAction), uleb(nil, w.typeMap), uleb(nil, w.typeMap))
	sections[sectionGlobal] = appended(m.sections[sectionGlobal],
		global(typeI64, slice), global(typeI64, startFuel-slice), global(typeI32, int64(m.Memory.PagesMin)), global(typeI32, 0))
	exports, names := m.globalExports(w)
	sections[sectionExport] = appended(m.sections[sectionExport], exports...)
	code, err := w.codeSection()
	if err != nil {
		return Metered{}, err
	}
	sections[sectionCode] = code
	return Metered{Binary: assemble(sections), Globals: names}, nil
}

// Plain returns the module without a meter, without its custom sections, and with
// a limit on the size of its tables.
func (m *Module) Plain() []byte { return assemble(m.sections) }

// Types of the functions that are added.
var (
	typeAction = []byte{0x60, 0, 0}                   // [] -> []
	typeMap    = []byte{0x60, 1, typeI32, 1, typeI32} // [i32] -> [i32]
)

// globalExports are the export entries for the meter's globals and for the mutable
// ones of the module, and the names of the latter.
func (m *Module) globalExports(w *writer) (exports [][]byte, names []string) {
	add := func(name string, index uint32) {
		entry := append(uleb(nil, uint32(len(name))), name...)
		exports = append(exports, uleb(append(entry, externGlobal), index))
	}
	add(GlobalSlice, w.slice)
	add(GlobalRest, w.rest)
	add(GlobalPages, w.pages)
	add(GlobalStop, w.stop)
	for _, index := range m.mutable {
		name := Prefix + "g" + strconv.FormatUint(uint64(index), 10)
		add(name, index)
		names = append(names, name)
	}
	return exports, names
}

// appended returns a section, a vector of entries, with more entries at its
// end. The zero section is an empty vector.
func appended(section []byte, entries ...[]byte) []byte {
	c := cursor{b: section}
	var count uint32
	if len(section) > 0 {
		count = c.u32()
	}
	out := uleb(nil, count+uint32(len(entries)))
	out = append(out, c.rest()...)
	for _, entry := range entries {
		out = append(out, entry...)
	}
	return out
}

// global is the entry of a mutable global with its initial value.
func global(valueType byte, value int64) []byte {
	op := byte(opI64Const)
	if valueType == typeI32 {
		op = opI32Const
	}
	return append(sleb([]byte{valueType, 1, op}, value), opEnd)
}

// assemble makes a module of its sections.
func assemble(sections [sectionKinds][]byte) []byte {
	size := len(magic)
	for _, section := range sections {
		size += len(section) + 6
	}
	out := append(make([]byte, 0, size), magic...)
	for _, id := range sectionOrder {
		if section := sections[id]; section != nil {
			out = append(uleb(append(out, id), uint32(len(section))), section...)
		}
	}
	return out
}
