package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// CacheBytesMax bounds the compiled code that is kept on disk. There is room for
// dozens of modules of Go's own compiler; the oldest code is removed first.
const CacheBytesMax = 256 << 20

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
