//go:build !linux

package store

import "math"

// freeFiles does not know.
func freeFiles(string) (free, total uint64, ok bool) { return 0, 0, false }

// descriptorsMax does not know either.
func descriptorsMax() int { return math.MaxInt }
