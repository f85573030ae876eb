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
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	parent := filepath.Dir(dir)
	if info, err := os.Stat(parent); err != nil {
		return err
	} else if info.Mode().Perm()&othersWrite != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("%s: others may write there, and put another directory in the place of %s: chmod go-w it", parent, dir)
	}
	return walk(dir, func(path string, info fs.FileInfo) error {
		if info.Mode().Perm()&othersWrite != 0 {
			return fmt.Errorf("%s: others may write there: chmod 700 %s, and empty it", path, dir)
		}
		// The real user counts: code that root runs while it acts as another can become root again.
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Getuid() {
			return fmt.Errorf("%s belongs to another user: chown %s, and empty it", path, dir)
		}
		return nil
	})
}

// othersWrite are the bits of a mode with which others than the owner may write.
const othersWrite = 0o022

// walk calls do for dir, which may be a link, and for all that is in it. What somebody
// else removes meanwhile is left out.
func walk(dir string, do func(path string, info fs.FileInfo) error) error {
	return filepath.WalkDir(dir+"/", func(path string, entry fs.DirEntry, err error) error {
		var info fs.FileInfo
		if err == nil {
			info, err = entry.Info()
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		}
		return do(filepath.Clean(path), info)
	})
}

// trimCache removes the oldest files below dir until at most most octets are left,
// whichever version of the compiler wrote them. Code in use is in memory too.
func trimCache(dir string, most int64) error {
	var files []fs.FileInfo
	paths := map[fs.FileInfo]string{}
	err := walk(dir, func(path string, info fs.FileInfo) error {
		if !info.IsDir() {
			files, paths[info] = append(files, info), path
		}
		return nil
	})
	if err != nil {
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
