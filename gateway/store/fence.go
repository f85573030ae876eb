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

// gate stands around everything that changes the disk. It runs f, or not, and
// returns its error or one of its own.
type gate interface {
	do(op, path string, f func() error) error
}

// fence is what all operations of one engine pass. Once it is closed none
// passes any more, and none that passed is still under way.
type fence struct {
	mu     sync.RWMutex
	closed bool
}

// pass runs f. A goroutine that comes to a closed fence stays there for ever:
// the engine that it belongs to would not live through an error.
func (f *fence) pass(operation func() error) error {
	f.mu.RLock()
	if f.closed {
		f.mu.RUnlock()
		park()
	}
	defer f.mu.RUnlock()
	return operation()
}

// close fails while an operation is under way, on a disk that hangs say.
func (f *fence) close() bool {
	if !f.mu.TryLock() {
		return false
	}
	defer f.mu.Unlock()
	f.closed = true
	return true
}

// park ends a goroutine without running what it deferred.
func park() { select {} }

// gatedFS asks a gate before each change of the file system below.
type gatedFS struct {
	vfs.FS
	gate gate
}

func (g gatedFS) do(op, path string, f func() error) error { return g.gate.do(op, path, f) }

func (g gatedFS) file(op, path string, open func() (vfs.File, error)) (file vfs.File, err error) {
	err = g.do(op, path, func() error {
		file, err = open()
		return err
	})
	if err != nil {
		return nil, err
	}
	return gatedFile{file, g, path, "write"}, nil
}

// opMerge is the making and writing of tables by compactions, which Pebble gives
// this category.
const (
	opMerge       = "merge"
	mergeCategory = "pebble-compaction"
)

// markerPrefix begins the names of the empty files by whose names Pebble says
// which manifest counts.
const markerPrefix = "marker."

// syncBeforeMarker makes durable what a marker is about to name. Pebble syncs
// the directory once, behind both: a file system that keeps its changes in
// another order would leave a marker that names nothing after a power cut, and
// a database that cannot be opened.
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

// Create asks the gate first, as all that follow do.
func (g gatedFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.syncBeforeMarker(name); err != nil {
		return nil, err
	}
	if c != mergeCategory {
		return g.file("create", name, func() (vfs.File, error) { return g.FS.Create(name, c) })
	}
	file, err := g.file(opMerge, name, func() (vfs.File, error) { return g.FS.Create(name, c) })
	if err != nil {
		return nil, err
	}
	merged := file.(gatedFile)
	merged.write = opMerge
	return merged, nil
}

// OpenReadWrite may make the file, and so change the disk.
func (g gatedFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return g.file("open", name, func() (vfs.File, error) { return g.FS.OpenReadWrite(name, c, o...) })
}

// ReuseForWrite renames a file and writes it from its beginning. These are two
// operations: the second may be run again alone.
func (g gatedFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.Rename(old, name); err != nil {
		return nil, err
	}
	return g.file("reuse", name, func() (vfs.File, error) { return g.FS.OpenReadWrite(name, c) })
}

// OpenDir changes nothing, but what it opens can be synced.
func (g gatedFS) OpenDir(name string) (vfs.File, error) {
	file, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return gatedFile{file, g, name, "write"}, nil
}

// Link makes a second name.
func (g gatedFS) Link(old, name string) error {
	return g.do("link", name, func() error { return g.FS.Link(old, name) })
}

// Rename replaces a file of the new name.
func (g gatedFS) Rename(old, name string) error {
	return g.do("rename", name, func() error { return g.FS.Rename(old, name) })
}

// Remove removes one name.
func (g gatedFS) Remove(name string) error {
	if err := g.syncBeforeMarker(name); err != nil {
		return err
	}
	return g.do("remove", name, func() error { return g.FS.Remove(name) })
}

// RemoveAll removes a directory with what is in it.
func (g gatedFS) RemoveAll(name string) error {
	return g.do("remove", name, func() error { return g.FS.RemoveAll(name) })
}

// MkdirAll makes a directory with its parents.
func (g gatedFS) MkdirAll(name string, mode os.FileMode) error {
	return g.do("mkdir", name, func() error { return g.FS.MkdirAll(name, mode) })
}

// Unwrap is the file system below, for Pebble's own questions.
func (g gatedFS) Unwrap() vfs.FS { return g.FS }

// lockedFS is the file system of an engine: the Store holds the lock for all
// its engines, one after the other.
type lockedFS struct{ gatedFS }

// Lock locks nothing.
func (lockedFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

type gatedFile struct {
	vfs.File
	fs    gatedFS
	path  string
	write string // the op of a write
}

// Write goes on behind what was written when the gate runs it again.
func (f gatedFile) Write(p []byte) (n int, err error) {
	err = f.fs.do(f.write, f.path, func() error {
		m, err := f.File.Write(p[n:]) // behind what an attempt before this one wrote
		n += m
		return err
	})
	return n, err
}

// WriteAt may be run again as a whole.
func (f gatedFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.fs.do(f.write, f.path, func() error { n, err = f.File.WriteAt(p, off); return err })
	return n, err
}

// Preallocate is a wish: its failure harms nothing.
func (f gatedFile) Preallocate(off, length int64) error {
	return f.fs.do("preallocate", f.path, func() error { return f.File.Preallocate(off, length) })
}

// Sync is never run again after an error.
func (f gatedFile) Sync() error { return f.fs.do("sync", f.path, f.File.Sync) }

// SyncData is never run again after an error.
func (f gatedFile) SyncData() error {
	return f.fs.do("sync", f.path, func() error { return syncData(f.File) })
}

// SyncTo begins to write; only with full set is it a sync.
func (f gatedFile) SyncTo(length int64) (full bool, err error) {
	err = f.fs.do("sync", f.path, func() error { full, err = f.File.SyncTo(length); return err })
	return full, err
}
