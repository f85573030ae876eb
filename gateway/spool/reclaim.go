package spool

import (
	"sync/atomic"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// reclaimInterval is how often, while the disk has no room, the database is asked
// for what mail that has gone still takes there. It costs a walk over as much mail
// as fits into the room that is left.
const reclaimInterval = 2 * time.Second

// reclaimShare is the part of the free room that live mail may fill once more
// while the tables are rewritten.
const reclaimShare = 2

// recipientBytes is more than what the plan of a recipient takes, and its outcome.
const recipientBytes = 1 << 10

// reclaimer knows when the database was last asked.
type reclaimer struct{ next atomic.Int64 } // in Unix nanoseconds

// due says, once in an interval, that it is time.
func (r *reclaimer) due(now time.Time) bool {
	next := r.next.Load()
	return now.UnixNano() >= next && r.next.CompareAndSwap(next, now.Add(reclaimInterval).UnixNano())
}

// admit is room.check. Where mail is refused it looks for room as well: an engine
// keeps what was deleted until so much comes that tables are merged, which on a
// disk that takes nothing is never.
func (s *Spool) admit(own bool) error {
	err := s.room.check(own)
	if err != nil && s.reclaimer.due(time.Now()) {
		go s.reclaim()
	}
	return err
}

// reclaim has the tables of messages rewritten if what lives in them surely fits
// into the room that is left.
func (s *Spool) reclaim() {
	free, _, _ := s.fs.Free(s.dir)
	most := free / reclaimShare
	live, err := s.liveBytes(most)
	if err == nil && live <= most {
		err = s.db.Reclaim(store.SpoolMessages, live)
	}
	if err != nil {
		s.log.Warn("spool: the room of mail that has gone is not free yet", "error", err)
	}
}

// liveBytes is about what all messages take in the database, or the first ones
// that take more than most.
func (s *Spool) liveBytes(most uint64) (n uint64, err error) {
	var last gateway.QueueID
	for item, err := range s.db.Prefix(store.SpoolIndex.Key(), nil) {
		if err != nil || n > most {
			return n, err
		}
		key, _ := parseIndexKey(item.Key)
		if key.Message != last {
			last = key.Message
			n += s.contentBytes(last)
		}
		if state, err := decodeBatchState(item.Value); err == nil && key.Number != gateway.ExpandLeg {
			n += uint64(state.recipients) * recipientBytes
		}
	}
	return n, nil
}

// contentBytes is what a message takes in the database, its plans aside.
func (s *Spool) contentBytes(id gateway.QueueID) uint64 {
	record, err := s.db.Get(headKey(id))
	if err != nil {
		return 0
	}
	n := uint64(len(record))
	if h, err := decodeHead(id, record); err == nil && !h.inFile {
		n += uint64(h.size)
	}
	return n
}
