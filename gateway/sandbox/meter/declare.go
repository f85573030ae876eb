package meter

import "github.com/mmgw/mmgw/gateway"

// Types of values in the binary format.
const (
	typeI32       = 0x7f
	typeI64       = 0x7e
	typeF32       = 0x7d
	typeF64       = 0x7c
	typeV128      = 0x7b
	typeFuncref   = 0x70
	typeExternref = 0x6f
)

// Kinds of imports and exports.
const (
	externFunc   = 0
	externMemory = 2
	externGlobal = 3
)

// kinds are the names of imports and exports, by number.
var kinds = [...]string{"func", "table", "memory", "global"}

// PagesMax is the most memory that a module can have: 4 GiB.
const PagesMax = 1 << 16

// valueType reads the type of a value.
func (c *cursor) valueType() byte {
	t := c.byte()
	switch t {
	case typeI32, typeI64, typeF32, typeF64, typeV128, typeFuncref, typeExternref:
	default:
		c.fail("the value type %#x is not supported", t)
	}
	return t
}

// refType reads the type of a reference.
func (c *cursor) refType() byte {
	t := c.byte()
	if t != typeFuncref && t != typeExternref {
		c.fail("the reference type %#x is not supported", t)
	}
	return t
}

// readTypes reads the types of functions; other types belong to later proposals.
func (m *Module) readTypes(c *cursor) {
	for range c.count("types", typesMax) {
		c.expect(0x60, "the form of a type")
		s := Signature{Params: c.valueTypes(), Results: c.valueTypes()}
		if c.err != nil {
			return
		}
		m.types = append(m.types, s)
	}
}

// valueTypes reads parameters or results.
func (c *cursor) valueTypes() string {
	n := c.count("values", valuesMax)
	start := c.off
	for range n {
		c.valueType()
	}
	return string(c.b[min(start, c.off):c.off])
}

// readImports accepts only functions. Imported memories, tables and globals would
// be state shared with others, and shift the indices of the module's own.
func (m *Module) readImports(c *cursor) {
	for range c.count("imports", importsMax) {
		i := Import{Module: c.name(), Name: c.name()}
		kind := c.byte()
		if kind > externGlobal {
			c.fail("import %q is of an unsupported kind %#x", gateway.Printable(i.Name), kind)
			return
		}
		i.Kind = kinds[kind]
		switch kind {
		case externFunc:
			t := c.index("type", len(m.types))
			if c.err != nil {
				return
			}
			i.Signature = m.types[t]
			m.functions = append(m.functions, t)
			m.imported++
		default:
			c.fail("it imports the %s %q; only functions can be imported", i.Kind, gateway.Printable(i.Module+"."+i.Name))
			return
		}
		m.Imports = append(m.Imports, i)
	}
}

// readFunctions reads the types of the module's own functions.
func (m *Module) readFunctions(c *cursor) {
	for range c.count("functions", functionsMax) {
		t := c.index("type", len(m.types))
		if c.err != nil {
			return
		}
		m.functions = append(m.functions, t)
	}
}

// readTables reads the sizes of tables, which every instance allocates and which
// do not count as its memory. It writes the section anew, with a limit on what they
// may grow to at run time.
func (m *Module) readTables(c *cursor) {
	m.tables = c.count("tables", tablesMax)
	section := uleb(nil, uint32(m.tables))
	for range m.tables {
		kind := c.refType()
		least, most := c.limits("table")
		if least > tableEntriesMax {
			c.fail("a table of %d entries is larger than %d", least, tableEntriesMax)
		}
		section = uleb(uleb(append(section, kind, 1), least), min(most, tableEntriesMax))
	}
	m.sections[sectionTable] = section
}

// limits reads the least and the greatest size of a table or memory. Shared
// and 64-bit ones have other flags and are refused.
func (c *cursor) limits(what string) (least, most uint32) {
	switch flag := c.byte(); {
	case c.err != nil:
	case flag == 0:
		return c.u32(), 1<<32 - 1
	case flag == 1:
		least, most = c.u32(), c.u32()
		if most < least {
			c.fail("the %s has a maximum below its minimum", what)
		}
	default:
		c.fail("the %s is shared or of 64 bits, or has limits %#x", what, flag)
	}
	return least, most
}

// readMemories reads the one memory, if there is one.
func (m *Module) readMemories(c *cursor) {
	switch n := c.count("memories", 1); {
	case n == 1:
		least, most := c.limits("memory")
		if least > PagesMax {
			c.fail("a memory of %d pages is larger than %d", least, PagesMax)
		}
		m.Memory = &Memory{PagesMin: least, PagesMax: min(most, PagesMax)}
	}
}

// readGlobals finds the globals that can change: they are state.
func (m *Module) readGlobals(c *cursor) {
	for range c.count("globals", globalsMax) {
		t := c.valueType()
		mutable := c.byte()
		if mutable > 1 {
			c.fail("a global is neither constant nor mutable")
		}
		if mutable == 1 {
			m.mutable = append(m.mutable, uint32(m.globals))
			if t < typeF64 {
				m.refuse("global %d holds a reference or a vector and can change, which cannot be undone", m.globals)
			}
		}
		m.constant(c)
		m.globals++
	}
}

// constant reads a constant expression. global.get is refused: it could only name
// an imported global, and there are none.
func (m *Module) constant(c *cursor) {
	switch op := c.byte(); op {
	case opI32Const:
		c.signed(32)
	case opI64Const:
		c.signed(64)
	case opF32Const:
		c.take(4)
	case opF64Const:
		c.take(8)
	case opRefNull:
		c.refType()
	case opRefFunc:
		c.index("function", len(m.functions))
	case prefixVector:
		c.expect(vectorConst, "a constant vector instruction")
		c.take(16)
	default:
		c.fail("the instruction %#x is not supported in a constant", op)
	}
	c.expect(opEnd, "the end of a constant")
}

// readElements reads segments of tables. Bit 0 of the flags says that the
// segment is not active, bit 1 that a table or a kind is named, bit 2 that its
// entries are expressions.
func (m *Module) readElements(c *cursor) {
	m.elements = c.count("element segments", segmentsMax)
	for range m.elements {
		flags := c.index("kind of element segment", 8)
		if flags&1 == 0 {
			if flags&2 != 0 {
				c.index("table", m.tables)
			}
			m.constant(c)
		}
		switch {
		case flags&3 == 0:
		case flags&4 == 0:
			c.expect(0, "the kind of an element segment")
		default:
			c.refType()
		}
		n := c.count("elements", elementsTotalMax)
		if m.entries += n; m.entries > elementsTotalMax {
			c.fail("the element segments have more than %d entries", elementsTotalMax)
		}
		for range n {
			if c.err != nil {
				return
			}
			if flags&4 == 0 {
				c.index("function", len(m.functions))
			} else {
				m.constant(c)
			}
		}
	}
}

// readData reads the segments of memory. Bit 0 of the flags says that a segment
// is not active, bit 1 that its memory is named.
func (m *Module) readData(c *cursor) {
	n := c.count("data segments", segmentsMax)
	if m.sections[sectionDataCount] != nil && n != m.segments {
		c.fail("%d data segments were announced and %d came", m.segments, n)
	}
	m.segments = n
	for range n {
		switch flags := c.index("kind of data segment", 3); flags {
		case 2:
			c.expect(0, "the memory of a data segment")
			m.constant(c)
		case 0:
			m.constant(c)
		}
		c.take(c.u32())
		if c.err != nil {
			return
		}
	}
}

// readCode finds the bodies; checkBodies reads them once everything else is known.
func (m *Module) readCode(c *cursor) {
	for range c.count("function bodies", functionsMax) {
		body := c.take(c.u32())
		if c.err != nil {
			return
		}
		m.bodies = append(m.bodies, body)
	}
}
