//go:build !linux

package store

import "github.com/cockroachdb/pebble/v2/vfs"

// syncData makes durable what was written to file.
func syncData(file vfs.File) error { return file.SyncData() }
