package meter

// Limits of what the compiler does for the code of a module. It takes more than
// linear time and memory for branches, for locals, and for values that calls and
// blocks hand over: without limits 8 KiB keep it busy for minutes, and 80 KiB take
// 5 GiB. Of useful modules a Ruby of 16 MiB takes most: 138 KiB, 170 locals and some
// 170 million units in one function, 1,300 million in all.
const (
	bodyBytesMax    = 1 << 20       // of a function
	valuesTotalMax  = 1_000_000     // that a function's calls and blocks of a named type take and give
	workMax         = 500_000_000   // of a function: some 5 s
	workTotalMax    = 5_000_000_000 // of a module
	labelsPerBranch = 8             // labels of a br_table that cost as much as a branch
)

// work is what there is in a function that takes the compiler more than its size.
type work struct {
	locals   int // parameters included
	branches int // and the places that they lead to
	labels   int // of br_tables
	loops    int
	values   int
}

// units is how much that is, in units of some 10 ns.
func (w *work) units() int64 {
	const (
		perLocalAndBranch = 100
		perLocalsSquare   = 10
		perLocalsOfALoop  = 4 // squared as well: registers are shared out anew for each loop
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

// checkWork refuses a function, or a module with it, that takes too much.
func (m *Module) checkWork(c *cursor, w *work) {
	units := w.units()
	m.work += units
	switch {
	case w.values > valuesTotalMax:
		c.fail("its calls and blocks take and give more than %d values", valuesTotalMax)
	case units > workMax:
		c.fail("it is too much for the compiler: %d locals, %d branches, %d labels and %d loops in one function", w.locals, w.branches, w.labels, w.loops)
	case m.work > workTotalMax:
		c.fail("the functions up to it are too much for the compiler")
	}
}
