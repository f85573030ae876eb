package meter

// Opcodes that the meter has to know by name.
const (
	opUnreachable  = 0x00
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opDrop         = 0x1a
	opSelectTyped  = 0x1c
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opTableGet     = 0x25
	opTableSet     = 0x26
	opI32Load      = 0x28
	opI64Store32   = 0x3e
	opMemorySize   = 0x3f
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opI32Eqz       = 0x45
	opI32Eq        = 0x46
	opI32GtU       = 0x4b
	opI64LtS       = 0x53
	opI64GtS       = 0x55
	opI32Add       = 0x6a
	opI32Sub       = 0x6b
	opI64Add       = 0x7c
	opI64Sub       = 0x7d
	opI64ShrU      = 0x88
	opI64ExtendU   = 0xad
	opExtend32     = 0xc4
	opRefNull      = 0xd0
	opRefIsNull    = 0xd1
	opRefFunc      = 0xd2
	prefixMisc     = 0xfc
	prefixVector   = 0xfd

	blockEmpty = 0x40 // the type of a block without values
)

// Instructions after prefixMisc.
const (
	miscTruncLast  = 0x07
	miscMemoryInit = 0x08
	miscDataDrop   = 0x09
	miscMemoryCopy = 0x0a
	miscMemoryFill = 0x0b
	miscTableInit  = 0x0c
	miscElemDrop   = 0x0d
	miscTableCopy  = 0x0e
	miscTableGrow  = 0x0f
	miscTableSize  = 0x10
	miscTableFill  = 0x11
)

// Instructions after prefixVector that have immediates.
const (
	vectorStore         = 0x0b // loads and the store start at 0
	vectorConst         = 0x0c
	vectorShuffle       = 0x0d
	vectorExtractFirst  = 0x15
	vectorReplaceLast   = 0x22
	vectorLoadLaneFirst = 0x54
	vectorStoreLaneLast = 0x5b
	vectorLoadZeroLast  = 0x5d
)

// instruction is one decoded instruction of a function body.
type instruction struct {
	op     byte
	sub    byte     // after a prefix
	labels []uint32 // of the branches
	values int      // parameters and results of a call, or of a block with a type index
	start  int      // offset in the body
}

// next decodes the instruction at the cursor. An unknown instruction is an error,
// since its length would be a guess. Encodings that readers could take to have
// different lengths are refused, so that the compiler sees the same instructions.
func (m *Module) next(c *cursor, ins *instruction) {
	ins.start, ins.sub, ins.labels, ins.values = c.off, 0, ins.labels[:0], 0
	ins.op = c.byte()
	switch op := ins.op; { // the frequent ones first
	case op >= opLocalGet && op <= opLocalTee:
		c.u32()
	case op >= opI32Load && op <= opI64Store32:
		c.u32()
		c.u32()
	case op == opI32Const:
		c.signed(32)
	case op == opI64Const:
		c.signed(64)
	case plain(op):
	case op == opBlock, op == opLoop, op == opIf:
		m.blockType(c, ins)
	case op == opBr, op == opBrIf:
		ins.labels = append(ins.labels, c.u32())
	case op == opBrTable:
		for n := c.count("labels", 1<<20) + 1; n > 0 && c.err == nil; n-- {
			ins.labels = append(ins.labels, c.u32())
		}
	case op >= opTableGet && op <= opTableSet:
		c.index("table", m.tables)
		if op == opTableSet {
			m.refuse("it changes its table (table.set)")
		}
	case op == opCall:
		if f := c.index("function", len(m.functions)); c.err == nil {
			ins.values = m.types[m.functions[f]].values()
		}
	case op == opRefFunc:
		c.index("function", len(m.functions))
	case op == opCallIndirect:
		if t := c.index("type", len(m.types)); c.err == nil {
			ins.values = m.types[t].values()
		}
		c.index("table", m.tables)
	case op == opGlobalGet, op == opGlobalSet:
		c.index("global", m.globals)
	case op == opSelectTyped:
		c.expect(1, "the number of values of a select")
		c.valueType()
	case op == opMemorySize, op == opMemoryGrow:
		c.expect(0, "the memory of memory.size or memory.grow")
	case op == opF32Const:
		c.take(4)
	case op == opF64Const:
		c.take(8)
	case op == opRefNull:
		c.refType()
	case op == prefixMisc:
		m.nextMisc(c, ins)
	case op == prefixVector:
		m.nextVector(c, ins)
	default:
		c.fail("the instruction %#x is not supported", op)
	}
}

// plain says whether an instruction of WebAssembly 2.0 has no immediates.
func plain(op byte) bool {
	if op >= opI32Eqz && op <= opExtend32 {
		return true
	}
	switch op {
	case 0x00, 0x01, opElse, opEnd, opReturn, opDrop, 0x1b, opRefIsNull:
		return true
	}
	return false
}

// blockType reads the type of a block: empty, one value, or the index of a type.
// Longer encodings of the first two are legal, but no compiler writes them, and
// they are refused.
func (m *Module) blockType(c *cursor, ins *instruction) {
	if c.more() {
		switch c.b[c.off] {
		case blockEmpty, typeI32, typeI64, typeF32, typeF64, typeV128, typeFuncref, typeExternref:
			c.off++
			return
		}
	}
	t := c.signed(33)
	if t < 0 || t >= int64(len(m.types)) {
		c.fail("a block has the unknown type %d", t)
		return
	}
	if c.err == nil {
		ins.values = m.types[t].values()
	}
}

// nextMisc reads the instructions of bulk memory, of tables and of saturating
// conversion. All of them have one octet after the prefix.
func (m *Module) nextMisc(c *cursor, ins *instruction) {
	ins.sub = c.byte()
	switch sub := ins.sub; sub {
	case miscMemoryInit, miscDataDrop:
		c.index("data segment", m.segments)
		if sub == miscMemoryInit {
			c.expect(0, "the memory of memory.init")
		} else {
			m.refuse("it drops a data segment (data.drop), which cannot be undone")
		}
	case miscMemoryCopy:
		c.expect(0, "the memory of memory.copy")
		c.expect(0, "the memory of memory.copy")
	case miscMemoryFill:
		c.expect(0, "the memory of memory.fill")
	case miscTableInit:
		c.index("element segment", m.elements)
		c.index("table", m.tables)
	case miscElemDrop:
		c.index("element segment", m.elements)
	case miscTableCopy:
		c.index("table", m.tables)
		c.index("table", m.tables)
	case miscTableGrow, miscTableSize, miscTableFill:
		c.index("table", m.tables)
	default:
		if sub > miscTruncLast {
			c.fail("the instruction 0xfc %#x is not supported", sub)
		}
	}
	if ins.sub >= miscTableInit && ins.sub != miscTableSize {
		m.refuse("it changes its table at run time (instruction 0xfc %#x)", ins.sub)
	}
}

// nextVector reads the instructions of vectors. Numbers from 0x80 on have a second
// octet, which must be 1: there are compilers that read only the first octet and
// take the second for a nop.
func (m *Module) nextVector(c *cursor, ins *instruction) {
	ins.sub = c.byte()
	if ins.sub >= 0x80 {
		c.expect(1, "the second octet of a vector instruction")
		return
	}
	switch sub := ins.sub; {
	case sub == vectorConst, sub == vectorShuffle:
		c.take(16)
	case sub <= vectorStore, sub > vectorStoreLaneLast && sub <= vectorLoadZeroLast:
		c.u32()
		c.u32()
	case sub >= vectorExtractFirst && sub <= vectorReplaceLast:
		c.byte()
	case sub >= vectorLoadLaneFirst && sub <= vectorStoreLaneLast:
		c.u32()
		c.u32()
		c.byte()
	}
}
