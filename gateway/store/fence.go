package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// gate stands around everything that changes the disk. It runs f, once, several
// times or not at all, and returns its error or one of its own.
type gate interface {
	do(op diskOp, path string, f func() error) error
}

// fence is what all operations of one engine pass. Once it is closed none passes
// any more, and none that passed is still running.
type fence struct {
	mu     sync.RWMutex // read-locked by each operation while it runs
	closed bool
}

// enter lets an operation begin; it calls leave at its end. A goroutine that comes to
// a closed fence stays there for ever: if it returned an error Pebble would end the
// process.
func (f *fence) enter() {
	f.mu.RLock()
	if f.closed {
		f.mu.RUnlock()
		park()
	}
}

func (f *fence) leave() { f.mu.RUnlock() }

// close returns false while an operation is running, on a disk that hangs say.
func (f *fence) close() bool {
	if !f.mu.TryLock() {
		return false
	}
	defer f.mu.Unlock()
	f.closed = true
	return true
}

// park stops a goroutine for ever, without running its deferred calls.
func park() { select {} }

// gatedFS asks a gate before each change of the file system below.
type gatedFS struct {
	vfs.FS
	gate gate
}

// open opens a file by an operation of kind op; what is written to it will be of
// kind write.
func (g gatedFS) open(op, write diskOp, path string, open func() (vfs.File, error)) (file vfs.File, err error) {
	err = g.gate.do(op, path, func() error {
		file, err = open()
		return err
	})
	if err != nil {
		return nil, err
	}
	return gatedFile{file, g.gate, path, write}, nil
}

// mergeCategory is what Pebble calls the writing of tables by compactions.
const mergeCategory = "pebble-compaction"

// markerPrefix begins the names of empty files: by such a name Pebble records which
// manifest is the current one.
const markerPrefix = "marker."

// syncBeforeMarker makes durable what a marker is about to name. Pebble syncs the
// directory once, after both. On a file system that does not keep the order of its
// changes a power cut would leave a marker that names nothing, and so a database that
// cannot be opened.
func (g gatedFS) syncBeforeMarker(name string) error {
	if !strings.HasPrefix(filepath.Base(name), markerPrefix) {
		return nil
	}
	dir, err := g.OpenDir(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Create asks the gate first, as all methods below do.
func (g gatedFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.syncBeforeMarker(name); err != nil {
		return nil, err
	}
	create, write := diskCreate, diskWrite
	if c == mergeCategory {
		create, write = diskMerge, diskMerge
	}
	return g.open(create, write, name, func() (vfs.File, error) { return g.FS.Create(name, c) })
}

// OpenReadWrite may make the file, and so change the disk.
func (g gatedFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return g.open(diskOpen, diskWrite, name, func() (vfs.File, error) { return g.FS.OpenReadWrite(name, c, o...) })
}

// ReuseForWrite renames a file and opens it to be written from its beginning. These
// are two operations, so that the second can be repeated alone.
func (g gatedFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.Rename(old, name); err != nil {
		return nil, err
	}
	return g.open(diskReuse, diskWrite, name, func() (vfs.File, error) { return g.FS.OpenReadWrite(name, c) })
}

// OpenDir changes nothing, but what it opens can be synced.
func (g gatedFS) OpenDir(name string) (vfs.File, error) {
	file, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return gatedFile{file, g.gate, name, diskWrite}, nil
}

// Link makes a second name.
func (g gatedFS) Link(old, name string) error {
	return g.gate.do(diskLink, name, func() error { return g.FS.Link(old, name) })
}

// Rename replaces a file of the new name.
func (g gatedFS) Rename(old, name string) error {
	return g.gate.do(diskRename, name, func() error { return g.FS.Rename(old, name) })
}

// Remove removes one name.
func (g gatedFS) Remove(name string) error {
	if err := g.syncBeforeMarker(name); err != nil {
		return err
	}
	return g.gate.do(diskRemove, name, func() error { return g.FS.Remove(name) })
}

// RemoveAll removes a directory with what is in it.
func (g gatedFS) RemoveAll(name string) error {
	return g.gate.do(diskRemove, name, func() error { return g.FS.RemoveAll(name) })
}

// MkdirAll makes a directory with its parents.
func (g gatedFS) MkdirAll(name string, mode os.FileMode) error {
	return g.gate.do(diskMkdir, name, func() error { return g.FS.MkdirAll(name, mode) })
}

// Unwrap is the file system below, for Pebble's own questions.
func (g gatedFS) Unwrap() vfs.FS { return g.FS }

// lockedFS is the file system of an engine. The Store holds the lock for all its
// engines, one after the other.
type lockedFS struct{ gatedFS }

// Lock locks nothing.
func (lockedFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

type gatedFile struct {
	vfs.File
	gate  gate
	path  string
	write diskOp // diskWrite or diskMerge
}

// Write goes on where it stopped when the gate runs it again.
func (f gatedFile) Write(p []byte) (n int, err error) {
	err = f.gate.do(f.write, f.path, func() error {
		m, err := f.File.Write(p[n:])
		n += m
		return err
	})
	return n, err
}

// WriteAt can be repeated as a whole.
func (f gatedFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.gate.do(f.write, f.path, func() error { n, err = f.File.WriteAt(p, off); return err })
	return n, err
}

// Preallocate is a wish: its failure harms nothing.
func (f gatedFile) Preallocate(off, length int64) error {
	return f.gate.do(diskPreallocate, f.path, func() error { return f.File.Preallocate(off, length) })
}

// Sync is never repeated after an error.
func (f gatedFile) Sync() error { return f.gate.do(diskSync, f.path, f.File.Sync) }

// SyncData is never repeated after an error.
func (f gatedFile) SyncData() error {
	return f.gate.do(diskSync, f.path, func() error { return syncData(f.File) })
}

// SyncTo has the writing begin; only if it returns full is it a sync.
func (f gatedFile) SyncTo(length int64) (full bool, err error) {
	err = f.gate.do(diskSync, f.path, func() error { full, err = f.File.SyncTo(length); return err })
	return full, err
}
