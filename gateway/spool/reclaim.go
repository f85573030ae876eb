package spool

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// While mail is refused for want of room, the database is asked for what mail that
// has gone still takes there: at once, and again after reclaimIntervalMin, or twice
// as long each time that gains less than reclaimBytesMin.
const (
	reclaimIntervalMin = 2 * time.Second
	reclaimIntervalMax = 10 * time.Second
	reclaimBytesMin    = 1 << 20
)

// reclaimShare is the part of the free room that live mail may fill once more
// while its tables are rewritten. Below reclaimFreeMin not even the tables at both
// ends would fit.
const (
	reclaimShare   = 2
	reclaimFreeMin = 4 << 20
)

// recipientBytes is more than what the plan of a recipient takes, and its outcome.
const recipientBytes = 1 << 10

// reclaimer is about a disk that has no room for mail.
type reclaimer struct {
	bell chan struct{}   // rung when mail is refused
	next gateway.QueueID // from which on tables are to be rewritten
}

// admit is room.check, and rings where there is no room.
func (s *Spool) admit(own bool) error {
	err := s.room.check(own)
	if errors.Is(err, errNoRoom) {
		select {
		case s.reclaimer.bell <- struct{}{}:
		default:
		}
	}
	return err
}

// KeepRoom looks for room whenever there is none for mail, until ctx ends. An
// engine keeps what was deleted until so much comes that tables are merged, which
// on a disk that takes nothing is never.
func (s *Spool) KeepRoom(ctx context.Context) {
	for interval := reclaimIntervalMin; ; {
		select {
		case <-ctx.Done():
			return
		case <-s.reclaimer.bell:
		}
		freed, err := s.reclaim(ctx)
		switch {
		case err != nil:
			s.log.Warn("spool: the room of mail that has gone is not free yet", "error", err)
		case freed >= reclaimBytesMin:
			s.log.Info("spool: mail that has gone made room", "octets", freed)
			interval = reclaimIntervalMin
		default:
			interval = min(2*interval, reclaimIntervalMax)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(interval):
		}
	}
}

// reclaim goes on after what it looked at the last time, until there is some room
// or no more to look at.
func (s *Spool) reclaim(ctx context.Context) (freed uint64, err error) {
	for freed < reclaimBytesMin && err == nil && ctx.Err() == nil {
		var n uint64
		n, err = s.reclaimPart()
		freed += n
		if s.reclaimer.next == 0 {
			break
		}
	}
	return freed, err
}

// reclaimPart has the tables rewritten of as many messages as fit into the room
// that is left.
func (s *Spool) reclaimPart() (freed uint64, err error) {
	free, _, _ := s.fs.Free(s.dir)
	start, end := messagePrefix(s.reclaimer.next), store.PrefixEnd(store.SpoolMessages.Key())
	next, fits, err := s.fitting(s.reclaimer.next, free/reclaimShare)
	if err != nil {
		return 0, err
	}
	if s.reclaimer.next = next; !fits || free < reclaimFreeMin {
		return 0, nil
	}
	if next != 0 {
		end = messagePrefix(next)
	}
	return s.db.Reclaim(start, end)
}

// fitting returns the message after those, from the given one on, that take no
// more than most octets in the database, which is 0 past the last one; or, where not even
// the first one fits, the place after that.
func (s *Spool) fitting(from gateway.QueueID, most uint64) (next gateway.QueueID, fits bool, err error) {
	var first, last gateway.QueueID
	var n uint64
	for item, err := range s.db.Range(indexPrefix(from), store.PrefixEnd(store.SpoolIndex.Key())) {
		if err != nil {
			return from, false, err
		}
		key, _ := parseIndexKey(item.Key)
		if key.Message != last {
			first, last = cmp.Or(first, key.Message), key.Message
			n += s.contentBytes(last)
		}
		if state, err := decodeBatchState(item.Value); err == nil && key.Number != gateway.ExpandLeg {
			n += uint64(state.recipients) * recipientBytes
		}
		if n > most && last == first {
			return last + 1, false, nil
		}
		if n > most {
			return last, true, nil
		}
	}
	return 0, true, nil
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
