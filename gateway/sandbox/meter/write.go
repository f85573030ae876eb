package meter

// writer makes the code section of a metered module. Everything that it adds comes
// after what the module has of that kind, so that no index of the module changes.
// Decode has checked that the module refers to nothing beyond its own.
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

// newWriter chooses the indices of what will be added.
func newWriter(m *Module) *writer {
	types, functions, globals := uint32(len(m.types)), uint32(len(m.functions)), uint32(m.globals)
	return &writer{
		m: m, w: newWalk(),
		typeAction: types, typeMap: types + 1,
		slow: functions, grow: functions + 1, charge: functions + 2,
		slice: globals, rest: globals + 1, pages: globals + 2, stop: globals + 3,
	}
}

// codeSection rewrites all bodies, and adds those of the meter's own functions.
func (w *writer) codeSection() ([]byte, error) {
	size := 0
	for _, body := range w.m.bodies {
		size += len(body)
	}
	section := uleb(make([]byte, 0, size+size/4), uint32(len(w.m.bodies)+3)) // for most modules, metering adds less than a quarter
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

// code writes instructions as they are encoded.
func (w *writer) code(code ...byte) { w.out = append(w.out, code...) }

// index writes an instruction that has an index.
func (w *writer) index(op byte, index uint32) { w.out = uleb(append(w.out, op), index) }

// constant writes an instruction that has a signed number.
func (w *writer) constant(op byte, x int64) { w.out = sleb(append(w.out, op), x) }

// check takes units from the slice, and calls the slow function if it is spent.
// It neither needs nor changes what is on the stack.
func (w *writer) check(units int64) {
	w.index(opGlobalGet, w.slice)
	w.constant(opI64Const, units)
	w.code(opI64Sub)
	w.index(opGlobalSet, w.slice)
	w.callIfSpent()
}

// callIfSpent calls the slow function if the slice is below zero.
func (w *writer) callIfSpent() {
	w.index(opGlobalGet, w.slice)
	w.code(opI64Const, 0, opI64LtS, opIf, blockEmpty)
	w.index(opCall, w.slow)
	w.code(opEnd)
}

// slowBody is the function that refills a spent slice from the rest. It traps if
// that is not enough or the host has set stop, and leaves the slice below zero then.
// It ends by growing the memory by nothing, the one instruction that calls into Go.
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

// growBody is the function that takes the place of memory.grow and works on the
// virtual size. It costs the same whether it succeeds or not. Local 0 is the number
// of pages asked for, local 1 the old size, local 2 the new one.
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

// chargeBody is the function that takes the units for a bulk memory instruction.
// Its parameter is the number of octets, which it returns.
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
