package store

import "context"

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
