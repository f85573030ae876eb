package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrInUse says that another process has the state directory open.
var ErrInUse = errors.New("the state directory is in use by another process")

// ErrReplaced says that another directory stands where the one was that is open.
var ErrReplaced = errors.New("another directory is in its place, which is not touched: put the one back that was there, or restart mmgw to use this one")

// dirLock keeps a directory for one process. The lock is on a file, and what has
// that file's name later, in a directory that was restored or mounted in the place
// of this one, may be another's.
type dirLock struct {
	io.Closer
	name string
	file os.FileInfo // nil where the file system is not the operating system's
}

func lockDir(disk FS, dir string) (*dirLock, error) {
	name := filepath.Join(dir, "LOCK")
	closer, err := disk.vfs().Lock(name)
	if err != nil {
		return nil, lockError(dir, err)
	}
	l := &dirLock{Closer: closer, name: name}
	if disk.inner == nil {
		if l.file, err = os.Stat(name); err != nil {
			closer.Close()
			return nil, err
		}
	}
	return l, nil
}

// inPlace is nil while the directory is still the one that was locked.
func (l *dirLock) inPlace() error {
	if l.file == nil {
		return nil
	}
	switch file, err := os.Stat(l.name); {
	case err != nil:
		return fmt.Errorf("the state directory is not there any more: %w", err)
	case !os.SameFile(file, l.file):
		return fmt.Errorf("%s: %w", filepath.Dir(l.name), ErrReplaced)
	}
	return nil
}

// lockError tells a lock that is held from a file that cannot be made.
func lockError(dir string, err error) error {
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: %w; run this as the user of the gateway, or give the directory to who runs it", dir, fs.ErrPermission)
	case errors.As(err, &path):
		return fmt.Errorf("lock %s: %w", dir, err)
	}
	return fmt.Errorf("%s: %w", dir, ErrInUse)
}
