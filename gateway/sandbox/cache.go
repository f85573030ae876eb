package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// CacheBytesMax bounds the compiled code that is kept on the disk: dozens of
// modules of the standard compiler. What was compiled first goes first.
const CacheBytesMax = 256 << 20

// trimCache removes the oldest files below dir, of whichever version of the
// compiler, beyond most octets. Code that is at work is in memory as well.
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
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // another one trims too
		return fmt.Errorf("look through the cache of compiled modules: %w", err)
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
