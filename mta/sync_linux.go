package mta

import (
	"os"

	"golang.org/x/sys/unix"
)

// canSyncAll says that syncAll can do it.
const canSyncAll = true

// syncAll syncs the file system that f is on, and reports what could not be
// written since f was opened (Linux 5.8 and later).
func syncAll(f *os.File) error { return unix.Syncfs(int(f.Fd())) }
