package main

import (
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// unsyncedProgram is mmgw on a disk that only says that it synced mail: the
// control of what stands on syncs. There is no such switch in mmgw itself.
const unsyncedProgram = "mmgw-unsynced"

func unsyncedMain() {
	vfs.Default = unsyncedFS{vfs.Default}
	os.Args[0] = "mmgw"
	main()
}

// unsyncedFS is a file system on which neither the log of the database nor a
// content is ever synced. All else is, so that the database can be opened.
type unsyncedFS struct{ vfs.FS }

func unsynced(name string, file vfs.File, err error) (vfs.File, error) {
	mail := filepath.Ext(name) == ".log" || filepath.Base(filepath.Dir(name)) == "content"
	if err != nil || !mail {
		return file, err
	}
	return unsyncedFile{file}, nil
}

func (d unsyncedFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := d.FS.Create(name, c)
	return unsynced(name, file, err)
}

func (d unsyncedFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := d.FS.ReuseForWrite(old, name, c)
	return unsynced(name, file, err)
}

func (d unsyncedFS) Unwrap() vfs.FS { return d.FS }

type unsyncedFile struct{ vfs.File }

// Fd keeps the file from being synced by its descriptor.
func (unsyncedFile) Fd() uintptr { return vfs.InvalidFd }

func (unsyncedFile) Sync() error { return nil }

func (unsyncedFile) SyncData() error { return nil }

func (unsyncedFile) SyncTo(int64) (full bool, err error) { return false, nil }
