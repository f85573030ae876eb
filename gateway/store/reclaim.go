package store

import (
	"context"
)

// reclaimBytesMin is what a reclaim frees at least: a rewritten table has its cost.
const reclaimBytesMin = 1 << 20

// Reclaim rewrites the tables of a space if more than half of them is not in use
// any more. live is how many octets are; they are on the disk twice meanwhile. It
// returns when that is done, at once where another is under way, and when the
// database is closed or fails.
func (s *Store) Reclaim(space Space, live uint64) error {
	e, err := s.use()
	if err == nil {
		err = e.write(func() error { return e.reclaim(space.Key(), PrefixEnd(space.Key()), live) })
	}
	return Failure(err)
}

func (e *engine) reclaim(start, end []byte, live uint64) error {
	if !e.rewriting.TryLock() {
		return nil
	}
	defer e.rewriting.Unlock()
	used, err := e.db.EstimateDiskUsage(start, end)
	if err != nil || used < 2*live+reclaimBytesMin {
		return err
	}
	e.log.Info("database makes room", "octets", used, "in use", live)
	return e.db.Compact(context.Background(), start, end, false)
}
