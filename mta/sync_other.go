//go:build !linux

package mta

import "os"

// canSyncAll says that syncAll can do it.
const canSyncAll = false

func syncAll(f *os.File) error { return f.Sync() }
