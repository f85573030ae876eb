// Package store is the embedded database under spool, roster and kv: keys
// and values in order, changed by atomic batches. It owns state_dir/db and the
// lock on it, and is the only package that knows which engine does the work.
//
// A committed batch survives a power cut when Commit was asked to sync;
// commits that run at the same time share one sync of the disk. Batches reach
// the disk in the order in which they were committed, so that a synced one
// makes all before it durable too.
//
// A disk that fails or is full never ends the process and never damages what was
// committed. A commit that meets it returns a Status of class Transient: 452 4.3.1 for
// a full disk, 451 4.3.0 for any other failure. It may still take place: its outcome is
// unknown until a later Commit succeeds.
//
// Writes that lacked room, or a file descriptor, go on as soon as there is some. After
// any other failure the engine is fenced off from the disk, since a sync that failed
// must not be repeated on the same file. The next call opens another engine from what
// is on the disk. That is done a limited number of times: see Spent.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"syscall"
	"time"
)

// Options says where and how a store is opened. Only Dir is required.
type Options struct {
	Dir           string        // of the database; made with its parents
	FS            FS            // zero: the disk
	MemTableBytes uint64        // of writes kept in memory before they go to a table; 0: by the size of the disk
	ReopenAfter   time.Duration // between attempts to open a failed database again; 0: a second
	Log           *slog.Logger  // nil: none
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	options Options
	lock    *dirLock

	mu      sync.RWMutex
	engine  *engine   // nil once closed
	engines int       // opened until now
	tried   time.Time // when another engine was last to be opened
	spent   chan struct{}
}

// Open opens the database in options.Dir, and makes one where there is none.
// A directory that is in use gives ErrInUse.
func Open(options Options) (*Store, error) {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.ReopenAfter == 0 {
		options.ReopenAfter = reopenInterval
	}
	disk := options.FS
	if err := disk.MkdirAll(options.Dir); err != nil {
		return nil, fmt.Errorf("make %s: %w", options.Dir, err)
	}
	lock, err := lockDir(disk, options.Dir)
	if err != nil {
		return nil, err
	}
	s := &Store{options: options, lock: lock, spent: make(chan struct{})}
	if s.engine, err = openEngine(options, lock); err != nil {
		lock.Close()
		return nil, fmt.Errorf("open database %s: %w%s", options.Dir, err, wayOut(err))
	}
	return s, nil
}

// wayOut is what an operator can do about a database that cannot be opened.
func wayOut(cause error) string {
	var errno syscall.Errno
	switch {
	case errors.Is(cause, fs.ErrPermission):
		return "; all files there have to belong to the user of the gateway"
	case errors.As(cause, &errno) && errno != syscall.ENOENT: // the disk's
		return ""
	}
	return "; if a later mmgw wrote it, run that one, else put the whole state directory back from a backup"
}

// Close ends the use of the database. Nothing that was committed is lost, with
// or without it.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		return nil
	}
	s.engine.close()
	s.engine = nil
	return s.lock.Close()
}

// reopenInterval is short against a retry of an MTA, and long against the cost
// of opening a database.
const reopenInterval = time.Second

// enginesMax bounds the engines of one process: a failed one keeps its memory.
const enginesMax = 16

// Spent is closed when the disk has failed so often that this process does not open the
// database again. Another process may.
func (s *Store) Spent() <-chan struct{} { return s.spent }

var errClosed = errors.New("the database is closed")

// use returns an engine that has not failed, another one if need be.
func (s *Store) use() (*engine, error) {
	s.mu.RLock()
	e := s.engine
	s.mu.RUnlock()
	switch {
	case e == nil:
		return nil, errClosed
	case e.failure() == nil:
		return e, nil
	}
	e, err := s.reopen()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	return e, nil
}

func (s *Store) reopen() (*engine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		return nil, errClosed
	}
	cause := s.engine.failure()
	switch {
	case cause == nil:
		return s.engine, nil
	case s.engines >= enginesMax:
		s.spend()
		return nil, cause
	case time.Since(s.tried) < s.options.ReopenAfter, !s.engine.abandon(cause):
		return nil, cause
	}
	s.tried = time.Now()
	if err := s.lock.inPlace(); err != nil {
		return nil, err
	}
	if err := s.options.FS.probe(s.options.Dir); err != nil {
		return nil, err
	}
	s.engines++
	e, err := openEngine(s.options, s.lock)
	if err != nil {
		return nil, err
	}
	s.options.Log.Info("database opened again", "dir", s.options.Dir, "after", cause.Error())
	s.engine = e
	return e, nil
}

// Answers is nil unless an operation of the disk hangs.
func (s *Store) Answers() error {
	e, err := s.use()
	if err == nil && e.hanging.Load() > 0 {
		err = fmt.Errorf("the disk has not answered for %v", hangAfter)
	}
	return Failure(err)
}

// InPlace is nil while the directory of the database is the one that was opened:
// ErrReplaced where another one has its name.
func (s *Store) InPlace() error { return Failure(s.lock.inPlace()) }

// spend closes s.spent. The caller holds s.mu.
func (s *Store) spend() {
	select {
	case <-s.spent:
	default:
		close(s.spent)
	}
}
