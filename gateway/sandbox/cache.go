package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// CacheBytesMax bounds the compiled code that is kept on disk. There is room for
// dozens of modules of Go's own compiler; the oldest code is removed first.
const CacheBytesMax = 256 << 20

// checkPrivate refuses a directory in which somebody else could have put code that we
// would run. One that is missing, or "", passes.
func checkPrivate(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s: others may write there: chmod 700 it, and empty it", dir)
	}
	// The real user counts: code that root runs while it acts as another can become root again.
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Getuid() {
		return fmt.Errorf("%s belongs to another user: chown it, and empty it", dir)
	}
	return nil
}

// trimCache removes the oldest files below dir until at most most octets are left,
// whichever version of the compiler wrote them. Code in use is in memory too.
func trimCache(dir string, most int64) error {
	var files []fs.FileInfo
	paths := map[fs.FileInfo]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			files, paths[info] = append(files, info), path
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // someone else is trimming too
		return fmt.Errorf("list the cache of compiled modules: %w", err)
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	var errs []error
	for _, file := range files {
		if most -= file.Size(); most >= 0 {
			continue
		}
		if err := os.Remove(paths[file]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("trim the cache of compiled modules: %w", err))
		}
	}
	return errors.Join(errs...)
}
