package store

import (
	"math/rand/v2"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Memory is a file system in memory that knows what a power cut would leave of
// it. It is for tests of packages that use a store, and for state that need not
// last. It is safe for concurrent use.
type Memory struct {
	mem *vfs.MemFS

	mu   sync.Mutex
	hook func(op, path string) error
	lies bool

	freeNames, names uint64 // of files; of no number where names is 0
}

// NewMemory returns an empty file system.
func NewMemory() *Memory { return &Memory{mem: vfs.NewCrashableMem()} }

// FS is the file system as a store takes it.
func (m *Memory) FS() FS { return FS{gatedFS{m.mem, m}} }

// Crash returns the file system that a power cut at this moment leaves: all
// that was synced and keepPercent of the rest, by 4 KiB blocks and directory
// entries, chosen by seed. m itself stays as it is.
func (m *Memory) Crash(keepPercent int, seed uint64) *Memory {
	return &Memory{mem: m.mem.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: keepPercent,
		RNG:                 rand.New(rand.NewPCG(seed, seed)),
	})}
}

// BeforeWrite has hook called before each operation that changes the disk,
// one at a time: create, open, reuse, link, rename, remove, mkdir, write, merge
// (what a compaction creates and writes), preallocate and sync. If it returns an
// error the operation does not happen, and has that error. A nil hook is none.
func (m *Memory) BeforeWrite(hook func(op, path string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hook = hook
}

// IgnoreSync makes a disk that lies: each sync succeeds and does nothing. A
// crash test that still passes on it proves nothing.
func (m *Memory) IgnoreSync() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lies = true
}

// SetFree makes the disk one of total octets with free ones left. It is what
// FS.Free tells; writes do not run out of it.
func (m *Memory) SetFree(free, total uint64) {
	m.mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: free, TotalBytes: total, UsedBytes: total - free})
}

// SetFiles makes the disk one for total files of which free can still be made, as
// SetFree does for octets.
func (m *Memory) SetFiles(free, total uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.freeNames, m.names = free, total
}

func (m *Memory) freeFiles() (free, total uint64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.freeNames, m.names, m.names > 0
}

func (m *Memory) do(op diskOp, path string, f func() error) error {
	skip, err := m.ask(op, path)
	if err != nil || skip {
		return err
	}
	return f()
}

func (m *Memory) ask(op diskOp, path string) (skip bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hook != nil {
		err = m.hook(op.String(), path)
	}
	return m.lies && op == diskSync, err
}
