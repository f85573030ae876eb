package spool

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// Options says what a spool stands on. Store and Dir are required.
type Options struct {
	Store *store.Store // open; it stays the caller's
	Dir   string       // the state directory
	FS    store.FS     // where Dir is: the one of Store
	Log   *slog.Logger // nil: none
}

// Spool implements gateway.Spool, and what an operator may do with its
// messages. It is safe for concurrent use. It needs no closing.
type Spool struct {
	db    *store.Store
	fs    store.FS
	dir   string
	log   *slog.Logger
	room  room
	legs  store.Locks[string]          // held while a leg is accepted, by its duplicate key
	locks store.Locks[gateway.QueueID] // held while the state of a message changes

	reclaimer reclaimer

	duplicates *store.Daybook // by the fingerprints of accepted legs

	mu       sync.Mutex
	last     gateway.QueueID
	doubts   map[gateway.QueueID]doubt
	verified map[gateway.QueueID]bool
}

var _ gateway.Spool = (*Spool)(nil)

// Open opens the spool, and removes contents that no message names.
func Open(options Options) (*Spool, error) {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	s := &Spool{
		db: options.Store, fs: options.FS, dir: options.Dir, log: options.Log,
		room:   room{fs: options.FS, db: options.Store, dir: options.Dir},
		doubts: map[gateway.QueueID]doubt{}, verified: map[gateway.QueueID]bool{},
		reclaimer: reclaimer{bell: make(chan struct{}, 1)},
	}
	for _, dir := range []string{s.contentDir(), s.damagedDir()} {
		if err := s.fs.MkdirAll(dir); err != nil {
			return nil, fmt.Errorf("make %s: %w", dir, err)
		}
	}
	if err := s.findLast(); err != nil {
		return nil, fmt.Errorf("read the spool: %w", err)
	}
	var err error
	if s.duplicates, err = store.OpenDaybook(s.db, store.SpoolDuplicates); err != nil {
		return nil, fmt.Errorf("read what was accepted: %w", err)
	}
	if err := s.removeOrphans(); err != nil {
		return nil, fmt.Errorf("read the contents of the spool: %w", err)
	}
	return s, nil
}

func (s *Spool) contentDir() string { return filepath.Join(s.dir, "content") }

func (s *Spool) damagedDir() string { return filepath.Join(s.dir, "damaged") }

func (s *Spool) contentFile(id gateway.QueueID) string {
	return filepath.Join(s.contentDir(), id.String())
}

// lastKey keeps the last queue id beyond the life of its message.
var lastKey = store.SpoolState.Key([]byte("last"))

func (s *Spool) findLast() error {
	record, err := s.db.Get(lastKey)
	switch {
	case err == nil:
		r := store.NewReader(record, recordVersion)
		s.last = gateway.QueueID(r.Uint())
		if err := r.End(); errors.Is(err, store.ErrVersion) {
			return fmt.Errorf("it was written by a later mmgw, which is to be run, or a copy from before it put back: %w", err)
		} else if err != nil {
			s.log.Error("spool: the last queue id is damaged", "error", err)
		}
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	key, err := s.db.Last(store.SpoolMessages.Key())
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if id, _, ok := parseMessageKey(key); ok {
		s.last = max(s.last, id)
	}
	return err
}

func encodeLast(id gateway.QueueID) []byte {
	w := store.NewWriter(recordVersion)
	w.Uint(uint64(id))
	return w.Record()
}

// removeOrphans removes contents that were never accepted, or whose message
// has gone. Beside a database that has never known a message they may be of another
// one, which was lost: then they are set aside.
func (s *Spool) removeOrphans() error {
	names, err := s.fs.List(s.contentDir())
	if err != nil {
		return err
	}
	if !s.Used() {
		return s.setContentsAside(names)
	}
	for _, name := range names {
		if id, err := gateway.ParseQueueID(name); err == nil {
			if _, err := s.db.Get(headKey(id)); err == nil {
				continue
			} else if !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		if err := s.fs.Remove(filepath.Join(s.contentDir(), name)); err != nil {
			s.log.Warn("spool: an orphaned content stays", "file", name, "error", err)
		}
	}
	return nil
}

func (s *Spool) setContentsAside(names []string) error {
	names = slices.DeleteFunc(names, func(name string) bool {
		_, err := gateway.ParseQueueID(name)
		return err != nil
	})
	if len(names) == 0 {
		return nil
	}
	s.log.Error("ALARM spool: there are contents of messages and no database that knows of them; they are set aside: was it left out of a backup?", "dir", s.damagedDir(), "files", len(names))
	for _, name := range names {
		if err := s.fs.Rename(filepath.Join(s.contentDir(), name), filepath.Join(s.damagedDir(), name)); err != nil {
			return err
		}
	}
	return nil
}

// Used says whether a message was ever accepted.
func (s *Spool) Used() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last != 0
}

// Ready is nil while mail is taken, else why it is not: the disk has no room or does
// not answer, or the database has failed.
func (s *Spool) Ready() error {
	if _, err := s.db.Get(lastKey); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := s.db.Answers(); err != nil {
		return err
	}
	return s.room.check(false)
}

// Begin implements gateway.Spool. It gives 452 4.3.1 while the disk has too
// little room.
func (s *Spool) Begin(now time.Time, own bool) (gateway.QueueID, gateway.ContentWriter, error) {
	if err := s.admit(own); err != nil {
		return 0, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = gateway.NextQueueID(s.last, now)
	return s.last, &contentWriter{spool: s, id: s.last, own: own}, nil
}
