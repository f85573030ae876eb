package store

import "golang.org/x/sys/unix"

// freeFiles asks the file system of dir. Those that make as many files as fit say
// that there are none in all.
func freeFiles(dir string) (free, total uint64, ok bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil || s.Files == 0 {
		return 0, 0, false
	}
	return s.Ffree, s.Files, true
}
