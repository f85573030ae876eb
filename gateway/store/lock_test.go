package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever is somebody else, root or not the gateway's user, is told who to be.
func TestLockDenied(t *testing.T) {
	err := lockError("/state/db", &fs.PathError{Op: "open", Path: "/state/db/LOCK", Err: fs.ErrPermission})
	if !errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "/state/db: permission denied; run this as the user of the gateway") {
		t.Error(err)
	}
}

// A directory that was put in place of the one that is open stays as it is, and
// the database goes on when that one is back.
func TestReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	s, err := Open(Options{Dir: dir, MemTableBytes: 64 << 10, ReopenAfter: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill := func() (err error) {
		for n := 0; n < 100 && err == nil; n++ {
			var b Batch
			b.Set(fmt.Appendf(nil, "%d", n), make([]byte, 8<<10))
			err = s.Commit(&b)
		}
		return err
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(dir, dir+".own")
	if err := s.InPlace(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing in its place: %v", err)
	}
	other, err := Open(Options{Dir: dir + ".other"})
	if err == nil {
		err = other.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	move(dir+".other", dir)
	before, _ := FS{}.List(dir)
	for range 3 {
		if err := errors.Join(s.InPlace(), fill()); strings.Count(err.Error(), ErrReplaced.Error()) != 2 {
			t.Errorf("another in its place: %v", err)
		}
	}
	if after, _ := (FS{}).List(dir); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the files of the other are %v, were %v", after, before)
	}
	move(dir, dir+".other")
	move(dir+".own", dir)
	if err := errors.Join(s.InPlace(), fill()); err != nil {
		t.Errorf("back in its place: %v", err)
	}
}
