package meter

import "fmt"

// frame is one open block of a function body. Its lengths count instructions since
// the last check, on the longest path to a place; -1 if no path leads there.
type frame struct {
	op    byte
	atEnd int // of paths that branch to the block's end
	skip  int // of an if: of the path that does not take its first arm
}

// walk follows the control flow of one function body.
type walk struct {
	frames []frame
	length int // instructions since the last check, on the longest path to here; -1: unreachable
}

// newWalk starts at the entry of a function, right after its check.
func newWalk() walk { return walk{frames: []frame{{op: opBlock, atEnd: -1, skip: -1}}} }

// readLocals reads the declarations at the start of a body, and counts them.
func readLocals(c *cursor) (total int) {
	for range c.count("groups of locals", localsMax) {
		n := c.u32()
		c.valueType()
		if n > localsMax || total+int(n) > localsMax {
			c.fail("it has more than %d locals", localsMax)
		}
		if c.err != nil {
			return total
		}
		total += int(n)
	}
	return total
}

// checkBodies reads every instruction once. It checks that each is known and refers
// to something that exists, that blocks are closed, and that the compiler will not
// have too much work.
func (m *Module) checkBodies() error {
	var ins instruction
	w := newWalk()
	for i, body := range m.bodies {
		c := cursor{b: body}
		if len(body) > bodyBytesMax {
			c.fail("it has %d octets, more than %d", len(body), bodyBytesMax)
		}
		load := work{locals: len(m.types[m.functions[m.imported+i]].Params) + readLocals(&c)}
		w.frames, w.length = append(w.frames[:0], frame{op: opBlock, atEnd: -1, skip: -1}), 0
		for c.more() && len(w.frames) > 0 {
			if m.next(&c, &ins); c.err == nil {
				w.step(&c, &ins)
				load.count(&ins)
			}
		}
		if c.err == nil && (len(w.frames) > 0 || c.more()) {
			c.fail("its blocks and its end do not fit")
		}
		m.checkWork(&c, &load)
		if c.err != nil {
			return fmt.Errorf("malformed module: function %d: %w", m.imported+i, c.err)
		}
	}
	return nil
}

// step follows one instruction.
func (w *walk) step(c *cursor, ins *instruction) {
	if w.length >= 0 {
		w.length++
	}
	for _, label := range ins.labels {
		if uint64(label) >= uint64(len(w.frames)) {
			c.fail("there is no label %d of %d", label, len(w.frames))
			return
		}
		if f := &w.frames[len(w.frames)-1-int(label)]; f.op != opLoop {
			f.atEnd = max(f.atEnd, w.length)
		}
	}
	switch ins.op {
	case opBlock:
		w.frames = append(w.frames, frame{op: opBlock, atEnd: -1, skip: -1})
	case opLoop:
		w.frames = append(w.frames, frame{op: opLoop, atEnd: -1, skip: -1})
		w.length = 0
	case opIf:
		w.frames = append(w.frames, frame{op: opIf, atEnd: -1, skip: w.length})
	case opElse:
		f := &w.frames[len(w.frames)-1]
		if f.op != opIf {
			c.fail("an else stands outside of an if")
			return
		}
		f.op, f.atEnd, w.length, f.skip = opElse, max(f.atEnd, w.length), f.skip, -1
	case opEnd:
		last := len(w.frames) - 1
		w.length = max(w.length, w.frames[last].atEnd, w.frames[last].skip)
		w.frames = w.frames[:last]
	case opUnreachable, opBr, opBrTable, opReturn:
		w.length = -1
	}
}
