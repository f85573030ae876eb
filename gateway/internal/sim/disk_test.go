package sim

import (
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mmgw/mmgw/gateway/store"
)

// disk is a disk in memory with its misfortunes. It outlives the processes
// that use it. A database whose own disk breaks is not among them: it leaves
// goroutines with locks in their hands behind, for which the clock of a bubble
// does not go on (gateway/spool, TestErrorAtEveryWrite).
type disk struct {
	mu     sync.Mutex
	memory *store.Memory
	cut    int    // the power goes before so many changes that count; 0: it does not
	keep   int    // percent of what was not synced that are kept then
	seed   uint64 // says which
	left   *store.Memory
	full   time.Time // until then nothing can be written
	spoilt int       // so many changes of contents fail
}

func newDisk() *disk {
	d := &disk{}
	d.use(store.NewMemory())
	return d
}

func (d *disk) use(memory *store.Memory) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.memory, d.left, d.cut = memory, nil, 0
	memory.BeforeWrite(func(op, path string) error { return d.change(memory, op, path) })
}

// change is asked before each change of a disk. What a process does to the
// disk after its power went is of no consequence: the next one begins with
// what was left.
func (d *disk) change(memory *store.Memory, op, path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if memory != d.memory || d.left != nil {
		return nil
	}
	if d.cut > 0 && counts(op, path) {
		if d.cut--; d.cut == 0 {
			d.left = memory.Crash(d.keep, d.seed)
			return nil
		}
	}
	switch {
	case (op == "write" || op == "create") && time.Now().Before(d.full):
		return syscall.ENOSPC
	case d.spoilt > 0 && strings.Contains(path, "/content"):
		d.spoilt--
		return syscall.EIO
	}
	return nil
}

// counts says whether a change counts on the way to a power cut: those that
// somebody waits for do. What the database does in its own time would make
// another game of the same seed.
func counts(op, path string) bool {
	switch op {
	case "sync", "create", "reuse", "rename":
		return !strings.HasSuffix(path, ".sst") && !strings.Contains(path, "/MANIFEST-")
	}
	return false
}

// dark says whether the power went.
func (d *disk) dark() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.left != nil
}

// cutPower has the power go before the n-th change from now, at once for 0.
func (d *disk) cutPower(n, keep int, seed uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cut, d.keep, d.seed = n, keep, seed; n == 0 && d.left == nil {
		d.left = d.memory.Crash(keep, seed)
	}
}

// misfortune changes what else befalls the disk.
func (d *disk) misfortune(f func(*disk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d)
}

// waitForRoom returns when the disk is full no more, and what waited for that
// is done. A database that closes on a full disk waits with its locks held,
// for which the clock of a bubble does not go on.
func (d *disk) waitForRoom() {
	d.mu.Lock()
	full := d.full
	d.mu.Unlock()
	time.Sleep(time.Until(full.Add(time.Second)))
}

// mend ends all misfortune, and returns what the next process finds.
func (d *disk) mend() *store.Memory {
	d.misfortune(func(d *disk) { d.full, d.spoilt = time.Time{}, 0 })
	d.mu.Lock()
	left := d.left
	d.mu.Unlock()
	if left != nil {
		d.use(left)
	}
	return d.memory
}
