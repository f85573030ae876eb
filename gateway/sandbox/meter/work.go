package meter

// Limits of the work that the code of a module makes for the compiler. Branches,
// locals, and the values of calls and blocks take it more than linear time and
// memory: without limits, 8 KiB of code keep it busy for minutes, and 80 KiB take
// 5 GiB of memory. The useful module that needs most is a Ruby of 16 MiB: one of its
// functions has 138 KiB, 170 locals and some 170 million units, and all of them
// 1,300 million.
const (
	bodyBytesMax    = 1 << 20       // of a function
	valuesTotalMax  = 1_000_000     // parameters and results of a function's calls and blocks
	workMax         = 500_000_000   // of a function: some 5 s
	workTotalMax    = 5_000_000_000 // of a module
	labelsPerBranch = 8             // labels of a br_table that cost as much as a branch
)

// work counts what costs the compiler more than the size of a function tells.
type work struct {
	locals   int // with the parameters
	branches int // and their targets
	labels   int // of br_table
	loops    int
	values   int // parameters and results of calls and blocks
}

// units estimates the work, in units of some 10 ns.
func (w *work) units() int64 {
	const (
		perLocalAndBranch = 100
		perLocalsSquare   = 10
		perLocalsOfALoop  = 4 // squared as well: registers are allocated again for each loop
		perLoopsSquare    = 16
	)
	locals, loops := int64(w.locals), int64(w.loops)
	branches := int64(w.branches + w.labels/labelsPerBranch)
	return branches*branches + perLocalAndBranch*locals*branches +
		(perLocalsSquare+perLocalsOfALoop*loops)*locals*locals + perLoopsSquare*loops*loops
}

// count adds an instruction.
func (w *work) count(ins *instruction) {
	switch ins.op {
	case opLoop:
		w.loops++
		w.branches++
	case opBlock, opIf, opElse, opBr, opBrIf:
		w.branches++
	case opBrTable:
		w.labels += len(ins.labels)
	}
	w.values += ins.values
}

// checkWork refuses a function that is too much work, or with which the module is.
func (m *Module) checkWork(c *cursor, w *work) {
	units := w.units()
	m.work += units
	switch {
	case w.values > valuesTotalMax:
		c.fail("its calls and blocks have more than %d parameters and results", valuesTotalMax)
	case units > workMax:
		c.fail("it is too much for the compiler: %d locals, %d branches, %d labels and %d loops in one function", w.locals, w.branches, w.labels, w.loops)
	case m.work > workTotalMax:
		c.fail("with it, the module is too much for the compiler")
	}
}
