package store

// diskOp is a kind of change to the disk.
type diskOp uint8

const (
	diskCreate diskOp = iota
	diskReuse
	diskRename
	diskOpen
	diskLink
	diskRemove
	diskMkdir
	diskWrite
	diskMerge // what a compaction creates and writes
	diskSync
	diskPreallocate
)

// diskOps says how the engine treats each kind.
var diskOps = [...]struct {
	name   string // in logs, and what Memory.BeforeWrite passes on
	byPath bool   // done only while the directory is the one that was opened: in another one in its place it would overwrite or remove what is not this engine's
	waits  bool   // done again until the disk has room for it
	vital  bool   // Pebble would end the process if it failed
}{
	diskCreate:      {"create", true, true, true},
	diskReuse:       {"reuse", true, true, true},
	diskRename:      {"rename", true, true, true},
	diskOpen:        {"open", true, true, false},
	diskLink:        {"link", true, true, false},
	diskRemove:      {"remove", true, true, false},
	diskMkdir:       {"mkdir", true, true, false},
	diskWrite:       {"write", false, true, true},
	diskMerge:       {"merge", true, false, false}, // gives up instead, see engine.merge
	diskSync:        {"sync", false, false, true},  // never again: after a failure the kernel may have dropped what it could not write
	diskPreallocate: {"preallocate", false, false, false},
}

// String is the name that logs and tests use.
func (op diskOp) String() string { return diskOps[op].name }
