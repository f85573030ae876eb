package meter

// writer makes the code section of a metered module. Everything it adds has
// the last index of its kind, so that no index of the module changes; that the
// module itself names none of them is what Decode checked.
type writer struct {
	m                   *Module
	typeAction, typeMap uint32
	slow, grow, charge  uint32 // functions
	slice, rest         uint32 // globals
	pages, stop         uint32
	out                 []byte
	w                   walk
	ins                 instruction
}

// newWriter gives what is added the indices after the last ones.
func newWriter(m *Module) *writer {
	types, functions, globals := uint32(len(m.types)), uint32(len(m.functions)), uint32(m.globals)
	return &writer{
		m: m, w: newWalk(),
		typeAction: types, typeMap: types + 1,
		slow: functions, grow: functions + 1, charge: functions + 2,
		slice: globals, rest: globals + 1, pages: globals + 2, stop: globals + 3,
	}
}

// codeSection rewrites all bodies and adds those of the meter.
func (w *writer) codeSection() ([]byte, error) {
	size := 0
	for _, body := range w.m.bodies {
		size += len(body)
	}
	section := uleb(make([]byte, 0, size+size/4), uint32(len(w.m.bodies)+3)) // metering adds less than a quarter to most
	add := func(body []byte) { section = append(uleb(section, uint32(len(body))), body...) }
	for _, body := range w.m.bodies {
		if err := w.body(body); err != nil {
			return nil, err
		}
		add(w.out)
	}
	add(w.slowBody())
	add(w.growBody())
	add(w.chargeBody())
	return section, nil
}

// body rewrites one function body, which Decode has checked.
func (w *writer) body(body []byte) error {
	c := cursor{b: body}
	for range c.u32() {
		c.u32()
		c.byte()
	}
	w.w.frames = append(w.w.frames[:0], frame{op: opBlock, atEnd: -1, skip: -1})
	w.w.length = 0
	w.out = append(w.out[:0], body[:c.off]...)
	w.check(1)
	for c.more() {
		if w.w.length >= RegionLength {
			w.check(RegionUnits)
			w.w.length = 0
		}
		w.m.next(&c, &w.ins)
		w.instruction(body[w.ins.start:c.off])
		w.w.step(&c, &w.ins)
	}
	return c.err
}

// instruction writes one instruction of the module, or what takes its place.
func (w *writer) instruction(code []byte) {
	switch op, sub := w.ins.op, w.ins.sub; {
	case op == opMemorySize:
		w.index(opGlobalGet, w.pages)
	case op == opMemoryGrow:
		w.index(opCall, w.grow)
	case op == prefixMisc && (sub == miscMemoryCopy || sub == miscMemoryFill || sub == miscMemoryInit):
		w.index(opCall, w.charge) // the length is on top of the stack, and stays there
		w.out = append(w.out, code...)
	default:
		w.out = append(w.out, code...)
		if op == opLoop {
			w.check(1)
		}
	}
}

// code writes octets.
func (w *writer) code(code ...byte) { w.out = append(w.out, code...) }

// index writes an instruction with an index.
func (w *writer) index(op byte, index uint32) { w.out = uleb(append(w.out, op), index) }

// constant writes an instruction with a signed number.
func (w *writer) constant(op byte, x int64) { w.out = sleb(append(w.out, op), x) }

// check takes units from the slice and leaves the fast way where it is spent.
// It needs nothing from the stack and leaves nothing there.
func (w *writer) check(units int64) {
	w.index(opGlobalGet, w.slice)
	w.constant(opI64Const, units)
	w.code(opI64Sub)
	w.index(opGlobalSet, w.slice)
	w.callIfSpent()
}

// callIfSpent leaves the fast way where the slice is below zero.
func (w *writer) callIfSpent() {
	w.index(opGlobalGet, w.slice)
	w.code(opI64Const, 0, opI64LtS, opIf, blockEmpty)
	w.index(opCall, w.slow)
	w.code(opEnd)
}

// slowBody refills a spent slice from the rest, or traps where that does not
// suffice or the host wants it to: slice stays below zero then. Growing memory by nothing is the one
// instruction that leads through Go.
func (w *writer) slowBody() []byte {
	w.out = []byte{0}
	w.index(opGlobalGet, w.stop)
	w.code(opIf, blockEmpty, opUnreachable, opEnd)
	w.index(opGlobalGet, w.rest)
	w.index(opGlobalGet, w.slice)
	w.code(opI64Add)
	w.index(opGlobalSet, w.rest)
	w.index(opGlobalGet, w.rest)
	w.code(opI64Const, 0, opI64LtS, opIf, blockEmpty, opUnreachable, opEnd)

	w.index(opGlobalGet, w.rest)
	w.constant(opI64Const, SliceUnits)
	w.code(opI64GtS, opIf, typeI64)
	w.constant(opI64Const, SliceUnits)
	w.code(opElse)
	w.index(opGlobalGet, w.rest)
	w.code(opEnd)
	w.index(opGlobalSet, w.slice)

	w.index(opGlobalGet, w.rest)
	w.index(opGlobalGet, w.slice)
	w.code(opI64Sub)
	w.index(opGlobalSet, w.rest)
	w.code(opI32Const, 0, opMemoryGrow, 0, opDrop, opEnd)
	return w.out
}

// growBody is memory.grow on the virtual size, paid for whether it succeeds or
// not. Local 0 is the number of pages
// asked for, local 1 the old size, local 2 the new one.
func (w *writer) growBody() []byte {
	w.out = []byte{1, 2, typeI32}
	w.check(GrowUnits)
	fail := []byte{opIf, blockEmpty, opI32Const, 0x7f, opReturn, opEnd}
	w.code(opLocalGet, 0)
	w.constant(opI32Const, PagesMax)
	w.code(opI32GtU)
	w.code(fail...)
	w.index(opGlobalGet, w.pages)
	w.code(opLocalSet, 1, opLocalGet, 1, opLocalGet, 0, opI32Add, opLocalSet, 2)

	w.code(opLocalGet, 2)
	w.constant(opI32Const, int64(w.m.Memory.PagesMax))
	w.code(opI32GtU)
	w.code(fail...)

	w.code(opLocalGet, 2, opMemorySize, 0, opI32GtU, opIf, blockEmpty)
	w.code(opLocalGet, 2, opMemorySize, 0, opI32Sub, opMemoryGrow, 0)
	w.code(opI32Const, 0x7f, opI32Eq)
	w.code(fail...)
	w.code(opEnd)
	w.code(opLocalGet, 2)
	w.index(opGlobalSet, w.pages)
	w.code(opLocalGet, 1, opEnd)
	return w.out
}

// chargeBody takes the units of a bulk memory instruction of so many octets,
// and returns their number.
func (w *writer) chargeBody() []byte {
	const shift = 3 // OctetsPerUnit is 1<<shift
	w.out = []byte{0}
	w.index(opGlobalGet, w.slice)
	w.code(opLocalGet, 0, opI64ExtendU, opI64Const, shift, opI64ShrU, opI64Sub)
	w.index(opGlobalSet, w.slice)
	w.callIfSpent()
	w.code(opLocalGet, 0, opEnd)
	return w.out
}
