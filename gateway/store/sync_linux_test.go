package store

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// countedFile counts the syncs that a thread waited for.
type countedFile struct {
	vfs.File
	synced int
}

func (f *countedFile) SyncData() error {
	f.synced++
	return f.File.SyncData()
}

func newCountedFile(t *testing.T) *countedFile {
	file, err := vfs.Default.Create(filepath.Join(t.TempDir(), "file"), diskClass)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if _, err := file.Write(make([]byte, 10_000)); err != nil {
		t.Fatal(err)
	}
	return &countedFile{File: file}
}

func TestSyncWithoutThread(t *testing.T) {
	if s, err := takeSyncer(); err != nil {
		t.Skip("no asynchronous I/O here: ", err)
	} else {
		s.leave()
	}
	var syncs sync.WaitGroup
	for range 8 {
		file := newCountedFile(t)
		syncs.Go(func() {
			for range 20 {
				if err := syncData(file); err != nil || file.synced != 0 {
					t.Errorf("%v, and a thread waited for %d", err, file.synced)
				}
			}
		})
	}
	syncs.Wait()
	if n := len(idleSyncers); n < 1 || n > 8 {
		t.Errorf("%d syncers for 8 files", n)
	}
}

func TestSyncWithThread(t *testing.T) {
	held := idleSyncers
	idleSyncers, noSyncers = nil, errors.New("none")
	defer func() { idleSyncers, noSyncers = held, nil }()
	file := newCountedFile(t)
	if err := syncData(file); err != nil || file.synced != 1 {
		t.Errorf("%v, and a thread waited for %d", err, file.synced)
	}
}

// refusedFile is one that the kernel does not sync.
type refusedFile struct{ vfs.File }

var errRefused = errors.New("refused")

func (refusedFile) Fd() uintptr     { return 1 << 30 }
func (refusedFile) SyncData() error { return errRefused }

func TestSyncRefused(t *testing.T) {
	if err := syncData(refusedFile{}); !errors.Is(err, errRefused) {
		t.Error(err)
	}
}
