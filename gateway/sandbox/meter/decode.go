package meter

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// magic is what every module of version 1 starts with.
const magic = "\x00asm\x01\x00\x00\x00"

// Identifiers of sections, and the order in which they stand.
const (
	sectionCustom    = 0
	sectionType      = 1
	sectionImport    = 2
	sectionFunction  = 3
	sectionTable     = 4
	sectionMemory    = 5
	sectionGlobal    = 6
	sectionExport    = 7
	sectionStart     = 8
	sectionElement   = 9
	sectionCode      = 10
	sectionData      = 11
	sectionDataCount = 12
	sectionKinds     = 13
)

// sectionOrder is the order of the sections in a module: by number, except for the
// count of data segments, which comes before the code.
var sectionOrder = [...]byte{
	sectionType, sectionImport, sectionFunction, sectionTable, sectionMemory, sectionGlobal,
	sectionExport, sectionStart, sectionElement, sectionDataCount, sectionCode, sectionData,
}

// Limits of a module. Each bounds what the compiler allocates for a few octets;
// where no reason is given it is the limit that browsers have agreed on.
const (
	ModuleBytesMax   = 32 << 20 // the largest useful modules, whole language runtimes, have some 17 MiB
	typesMax         = 100_000
	valuesMax        = 1000 // parameters, and results
	importsMax       = 1000 // no host offers as many
	functionsMax     = 1_000_000
	tablesMax        = 10
	tableEntriesMax  = 1_000_000 // 8 MiB an instance
	globalsMax       = 100_000
	exportsMax       = 100_000
	segmentsMax      = 100_000
	elementsTotalMax = 1_000_000 // of all segments
	localsMax        = 5_000     // of a function
)

// Module is a decoded module. Its exported fields are what a host needs to know.
type Module struct {
	Imports []Import
	Exports []Export
	Memory  *Memory // nil: it has none

	sections  [sectionKinds][]byte // nil: absent
	types     []Signature
	functions []uint32 // type of each function, imported ones first
	imported  int      // functions
	tables    int
	globals   int
	mutable   []uint32 // own globals that can change
	segments  int      // data segments
	elements  int      // element segments
	entries   int      // of all element segments
	work      int64    // of all functions
	bodies    [][]byte
	refusal   string // why it cannot be metered
}

// Import is one imported thing.
type Import struct {
	Module, Name string
	Kind         string    // func, table, memory or global
	Signature    Signature // of a func
}

// Export is one exported thing.
type Export struct {
	Name      string
	Kind      string
	Index     uint32
	Signature Signature // of a func
}

// Signature is the type of a function, each value by its octet in the binary
// format: 0x7f i32, 0x7e i64, 0x7d f32, 0x7c f64, 0x7b v128, 0x70 and 0x6f
// references.
type Signature struct{ Params, Results string }

// values is the number of parameters and results.
func (s Signature) values() int { return len(s.Params) + len(s.Results) }

// Memory is the size of a module's memory, in pages of 64 KiB.
type Memory struct{ PagesMin, PagesMax uint32 }

// Decode reads and checks a module. The error says what is wrong with it. The
// Module refers to binary, which must not change.
func Decode(binary []byte) (*Module, error) {
	switch {
	case len(binary) > ModuleBytesMax:
		return nil, fmt.Errorf("the module has %d octets, more than %d", len(binary), ModuleBytesMax)
	case !bytes.HasPrefix(binary, []byte(magic)):
		return nil, errors.New("this is not a WebAssembly module of version 1 (a component is not one)")
	}
	m := &Module{}
	if err := m.split(binary[len(magic):]); err != nil {
		return nil, err
	}
	for _, id := range sectionOrder {
		c := cursor{b: m.sections[id]}
		if m.sections[id] != nil {
			m.section(id, &c)
		}
		if c.err == nil && c.more() {
			c.fail("octets are left over")
		}
		if c.err != nil {
			return nil, fmt.Errorf("malformed module: section %d: %w", id, c.err)
		}
	}
	if len(m.bodies) != len(m.functions)-m.imported {
		return nil, fmt.Errorf("malformed module: %d functions have %d bodies", len(m.functions)-m.imported, len(m.bodies))
	}
	return m, m.checkBodies()
}

// split finds the sections. It leaves custom ones out: they do not affect what the
// module does, and the compiler's parser of them is one more risk.
func (m *Module) split(binary []byte) error {
	c := cursor{b: binary}
	place := 0
	for c.more() {
		id := c.byte()
		body := c.take(c.u32())
		if id == sectionCustom || c.err != nil {
			continue
		}
		at := bytes.IndexByte(sectionOrder[:], id)
		if at < place {
			return fmt.Errorf("malformed module: section %d is unknown, twice or out of order", id)
		}
		place = at + 1
		m.sections[id] = append([]byte{}, body...)
	}
	if c.err != nil {
		return fmt.Errorf("malformed module: sections: %w", c.err)
	}
	return nil
}

// section reads one section. Sections are read in sectionOrder, so that what one
// refers to has been read before.
func (m *Module) section(id byte, c *cursor) {
	switch id {
	case sectionType:
		m.readTypes(c)
	case sectionImport:
		m.readImports(c)
	case sectionFunction:
		m.readFunctions(c)
	case sectionTable:
		m.readTables(c)
	case sectionMemory:
		m.readMemories(c)
	case sectionGlobal:
		m.readGlobals(c)
	case sectionExport:
		m.readExports(c)
	case sectionStart:
		c.index("function", len(m.functions))
	case sectionElement:
		m.readElements(c)
	case sectionDataCount:
		m.segments = int(c.index("data segment", segmentsMax+1))
	case sectionCode:
		m.readCode(c)
	case sectionData:
		m.readData(c)
	}
}

// refuse remembers why a valid module cannot be metered: the first reason.
func (m *Module) refuse(format string, args ...any) {
	if m.refusal == "" {
		m.refusal = fmt.Sprintf(format, args...)
	}
}

// readExports reads the exports. An index beyond the module's own is refused: it
// would expose what the meter adds.
func (m *Module) readExports(c *cursor) {
	limits := [...]int{len(m.functions), m.tables, 1, m.globals}
	if m.Memory == nil {
		limits[externMemory] = 0
	}
	for range c.count("exports", exportsMax) {
		e := Export{Name: c.name()}
		kind := c.byte()
		if kind > externGlobal {
			c.fail("export %q is of an unsupported kind %#x", gateway.Printable(e.Name), kind)
			return
		}
		e.Kind = kinds[kind]
		e.Index = c.index(e.Kind, limits[kind])
		if strings.HasPrefix(e.Name, Prefix) {
			c.fail("the export name %q is reserved", gateway.Printable(e.Name))
		}
		if c.err != nil {
			return
		}
		if kind == externFunc {
			e.Signature = m.types[m.functions[e.Index]]
		}
		m.Exports = append(m.Exports, e)
	}
}
