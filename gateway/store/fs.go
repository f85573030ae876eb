package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mmgw/mmgw/gateway"
)

// FS is a file system: that of the operating system where it is zero, else one
// in memory (see Memory). Files and directories that it makes are for their
// owner alone, as far as the process's umask and the directory above see to it.
type FS struct{ inner vfs.FS }

// File is an open file. Write and Sync are called by one goroutine at a time.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.Closer
	Sync() error // what was written is on the disk when it returns nil
}

// diskClass is Pebble's word for who writes; it is used for its statistics alone.
const diskClass = vfs.WriteCategoryUnspecified

func (f FS) vfs() vfs.FS {
	if f.inner == nil {
		return vfs.Default
	}
	return f.inner
}

// MkdirAll makes dir, with its parents, for the owner alone, and their names durable.
func (f FS) MkdirAll(dir string) error {
	var missing []string
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := f.vfs().Stat(d); err == nil || d == filepath.Dir(d) {
			break
		}
		missing = append(missing, d)
	}
	if err := f.vfs().MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range missing {
		if err := f.SyncDir(filepath.Dir(d)); err != nil {
			return err
		}
	}
	return nil
}

// Create makes an empty file. Its name is durable after SyncDir.
func (f FS) Create(name string) (File, error) { return f.vfs().Create(name, diskClass) }

// Open opens a file to be read. One that does not exist is fs.ErrNotExist.
func (f FS) Open(name string) (File, error) {
	file, err := f.vfs().Open(name)
	if err != nil {
		return nil, err
	}
	return file, nil
}

// Size is the length of a file in octets.
func (f FS) Size(name string) (int64, error) {
	info, err := f.vfs().Stat(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Remove removes a file. One that does not exist is fs.ErrNotExist.
func (f FS) Remove(name string) error { return f.vfs().Remove(name) }

// Rename gives a file another name, in place of a file of that name.
func (f FS) Rename(old, name string) error { return f.vfs().Rename(old, name) }

// List returns the names in dir, in no order.
func (f FS) List(dir string) ([]string, error) { return f.vfs().List(dir) }

// SyncDir makes the names in dir durable.
func (f FS) SyncDir(dir string) error {
	d, err := f.vfs().OpenDir(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// Free returns the octets that can still be written below dir, and the size
// of its disk. ok is false where the file system does not tell.
func (f FS) Free(dir string) (free, total uint64, ok bool) {
	usage, err := f.vfs().GetDiskUsage(dir)
	return usage.AvailBytes, usage.TotalBytes, err == nil
}

// Files returns how many files can still be made below dir, and how many its disk
// has room for in all. ok is false where the file system does not tell, or takes
// as many as fit.
func (f FS) Files(dir string) (free, total uint64, ok bool) {
	if g, in := f.inner.(gatedFS); in {
		return g.gate.(*Memory).freeFiles()
	}
	return freeFiles(dir)
}

// probeBytes is what a disk has to take before a failed database is opened again.
const probeBytes = 64 << 10

// probe finds out whether dir takes synced writes.
func (f FS) probe(dir string) error {
	name := filepath.Join(dir, "probe")
	file, err := f.Create(name)
	if err != nil {
		return err
	}
	_, err = file.Write(make([]byte, probeBytes))
	return errors.Join(err, file.Sync(), file.Close(), f.Remove(name))
}

// Full is the reply while the disk is full (RFC 3463, X.3.1).
func Full(cause error) *gateway.Status {
	return &gateway.Status{Code: 452, Enhanced: gateway.EnhancedCode{4, 3, 1}, Text: "no disk space, try again later", Cause: cause}
}

// Failure makes the Status of an error of the disk: Full for one that has no
// room, else gateway.Deferred; nil stays nil.
func Failure(err error) error {
	if err == nil {
		return nil
	}
	return deferral(err)
}

func deferral(err error) *gateway.Status {
	var status *gateway.Status
	switch {
	case errors.As(err, &status):
		return status
	case full(err):
		return Full(err)
	}
	return gateway.Deferred(err)
}

// NotExist says whether err is that of a file that does not exist.
func NotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
