package store

import (
	"math"

	"golang.org/x/sys/unix"
)

// freeFiles asks the file system of dir. Those that make as many files as fit say
// that there are none in all.
func freeFiles(dir string) (free, total uint64, ok bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil || s.Files == 0 {
		return 0, 0, false
	}
	return s.Ffree, s.Files, true
}

// descriptorsMax is how many files the process may have open.
func descriptorsMax() int {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return math.MaxInt
	}
	return int(min(r.Cur, math.MaxInt))
}
