package store

import (
	"context"
	"path/filepath"
)

// TableBytes is about how many octets the tables of the database take on the
// disk, those that a compaction is writing included; the counting ends at limit.
// It asks the disk, not the engine, which may be waiting for room.
func (s *Store) TableBytes(limit uint64) (n uint64) {
	names, _ := s.options.FS.List(s.options.Dir) // none, if it cannot be read
	for _, name := range names {
		if n >= limit {
			break
		}
		if filepath.Ext(name) == ".sst" {
			size, _ := s.options.FS.Size(filepath.Join(s.options.Dir, name)) // 0, if it has gone
			n += uint64(size)
		}
	}
	return min(n, limit)
}

// Reclaim rewrites the tables from start on, up to end, and returns how many
// octets of the disk that made free. Tables of which nothing was deleted are
// rewritten once at most; what is in use is on the disk twice meanwhile. It ends
// before Close is called, and at once where the database fails.
func (s *Store) Reclaim(start, end []byte) (freed uint64, err error) {
	e, err := s.use()
	if err != nil {
		return 0, deferral(err)
	}
	before, err := e.db.EstimateDiskUsage(start, end)
	if err == nil {
		err = e.write(func() error { return e.db.Compact(context.Background(), start, end, false) })
	}
	if err != nil {
		return 0, deferral(err)
	}
	after, err := e.db.EstimateDiskUsage(start, end)
	return before - min(before, after), Failure(err)
}
