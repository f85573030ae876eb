package store

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Limits of the engine. Together they keep it below some 100 MiB.
const (
	memTableBytesMin  = 256 << 10
	memTableBytesMax  = 16 << 20
	memTableDiskShare = 64       // a memtable, its log and its table shall fit well on a small disk
	memTablesMax      = 4        // with more of them, writers wait for a flush
	flushesMerged     = 8        // tables merged at a time, one a memtable: most of what they hold is removed again soon; merged by 2, it was written once or twice more before that
	cacheBytes        = 48 << 20 // of table blocks; with 32 MiB the same load takes a quarter more CPU, and more is cached by the operating system
	openTablesMax     = 256
	openTablesShare   = 8       // of the files that the process may have open
	filterBitsPerKey  = 10      // 1 % of the look-ups of an absent key read a table in vain
	bytesPerSync      = 1 << 20 // synced while a table is being written, so that the sync at its end has little to do
)

// scarceRetryInterval is how often a write is tried again that found the disk full,
// or the process without a file descriptor for it.
const scarceRetryInterval = 100 * time.Millisecond

// mergeRetryInterval is how often a compaction is tried again that found the disk
// full. It is longer, for each try writes all that fits.
const mergeRetryInterval = 5 * time.Second

// hangAfter is how long an operation of the disk may take before it is logged as
// hanging.
const hangAfter = 10 * time.Second

// engine is one Pebble database and what stands between it and the disk.
//
// When a log or a manifest cannot be written Pebble ends the process: it calls
// Logger.Fatalf, or panics, sometimes in a goroutine where nobody can recover. So
// it never learns of such an error. While the disk is full, or the process has no
// file descriptor left, the engine is stalled: Pebble's writes wait and are done
// again, except for those of compactions, which it survives. After any other error
// the engine has failed: every goroutine of Pebble that comes to the disk stops
// there for ever.
//
// Callers must not stop with it. So what they write runs in a goroutine of the
// crew, and they stop waiting for it when the engine stalls or fails.
type engine struct {
	db    *pebble.DB
	lock  *dirLock
	fence fence // closed when another engine is to take over the disk
	crew  crew  // runs what writes to db
	log   *slog.Logger

	mu           sync.Mutex
	cause        error          // of the stall or failure; nil while the engine works
	failed       bool           // it will not work again
	stopped      chan struct{}  // closed while cause is set
	late         []<-chan error // results of writes whose callers did not wait for them
	crampedUntil time.Time      // no compaction writes before

	hanging atomic.Int32  // operations of the disk that have taken longer than hangAfter
	closing chan struct{} // closed when the engine is no longer used
}

func openEngine(options Options, lock *dirLock) (*engine, error) {
	e := &engine{lock: lock, log: options.Log, stopped: make(chan struct{}), closing: make(chan struct{})}
	disk := options.FS.vfs()
	memTable := options.MemTableBytes
	if memTable == 0 {
		memTable = memTableBytes(disk, options.Dir)
	}
	opened := make(chan *pebble.DB, 1)
	err := e.write(func() error {
		db, err := pebble.Open(options.Dir, e.pebbleOptions(lockedFS{gatedFS{disk, e}}, memTable))
		opened <- db
		return err
	})
	if err != nil {
		e.abandon(err)
		return nil, err
	}
	e.db = <-opened
	return e, nil
}

func (e *engine) pebbleOptions(disk vfs.FS, memTable uint64) *pebble.Options {
	o := &pebble.Options{
		FS:                          disk,
		Logger:                      engineLog{e},
		EventListener:               &pebble.EventListener{BackgroundError: e.backgroundError},
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                memTable,
		MemTableStopWritesThreshold: memTablesMax,
		CacheSize:                   cacheBytes,
		L0CompactionThreshold:       2 * flushesMerged, // Pebble merges at half of it
		L0StopWritesThreshold:       4 * flushesMerged,
		MaxOpenFiles:                min(openTablesMax, descriptorsMax()/openTablesShare),
		BytesPerSync:                bytesPerSync,
	}
	o.Experimental.SpanPolicyFunc = tableOfSpace
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(filterBitsPerKey)
	}
	return o
}

// tableOfSpace ends a table where its Space ends. Most of what is written is messages,
// whose keys grow with time, so that their tables do not overlap. Without the small
// records of other spaces in them they are never merged with others.
func tableOfSpace(first []byte) (policy pebble.SpanPolicy, end []byte, err error) {
	return policy, PrefixEnd(first[:1]), nil
}

func memTableBytes(disk vfs.FS, dir string) uint64 {
	usage, err := disk.GetDiskUsage(dir)
	if err != nil {
		return memTableBytesMax
	}
	return min(max(usage.TotalBytes/memTableDiskShare, memTableBytesMin), memTableBytesMax)
}

// write runs f, which may write, and returns when f does, or when the engine
// stalls or fails. f may then still end well, or never; but no other f begins
// before it has ended.
func (e *engine) write(f func() error) error {
	stopped, err := e.awaitLate()
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	e.crew.start(func() { report(done, f) })
	select {
	case err := <-done:
		return err
	case <-stopped:
		e.mu.Lock()
		e.late = append(e.late, done)
		e.mu.Unlock()
		return e.reason()
	}
}

// awaitLate waits for the writes that were left running. It returns a channel that
// is closed when the engine stops, or an error if it has.
func (e *engine) awaitLate() (stopped <-chan struct{}, err error) {
	e.mu.Lock()
	stopped, err, late := e.stopped, e.cause, e.late
	e.mu.Unlock()
	if err != nil || len(late) == 0 {
		return stopped, err
	}
	for _, done := range late {
		select {
		case <-done:
		case <-stopped:
			return nil, e.reason()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.late = slices.DeleteFunc(e.late, func(done <-chan error) bool { return slices.Contains(late, done) })
	return stopped, nil
}

// reason is why the engine has stopped.
func (e *engine) reason() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return cmp.Or(e.cause, error(errStalled))
}

// errStalled is the reason where the stall is already over.
var errStalled = fmt.Errorf("there was no room a moment ago: %w", syscall.ENOSPC)

// report sends the result of f, and closes done. A panic of f is an error.
func report(done chan<- error, f func() error) {
	var err error
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the database failed: %v", r)
		}
		done <- err
		close(done)
	}()
	err = f()
}

// failure is why the engine will not work again; nil while it may.
func (e *engine) failure() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed {
		return e.cause
	}
	return nil
}

// stall has writers turned away until resume.
func (e *engine) stall(cause error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cause == nil {
		e.stop(cause, "there is room")
	}
}

// resume ends a stall.
func (e *engine) resume() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.failed && e.cause != nil {
		e.cause, e.stopped = nil, make(chan struct{})
		e.log.Info("database goes on")
	}
}

// fail has writers turned away for good.
func (e *engine) fail(cause error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.failed {
		e.failed = true
		e.stop(cause, "it is opened again")
	}
}

// stop ends the waiting of all writers. The caller holds e.mu.
func (e *engine) stop(cause error, until string) {
	if e.cause == nil {
		close(e.stopped)
	}
	e.cause = cause
	e.log.Error("database stopped", "error", cause.Error(), "until", until)
}

func (e *engine) failAndPark(cause error) {
	e.fail(cause)
	park()
}

// backgroundError is called when a flush or a compaction fails. Pebble begins it again
// at once. One that lacked room, or a descriptor to read from, is allowed to.
func (e *engine) backgroundError(cause error) {
	switch {
	case full(cause): // of a compaction, which merge delays
		e.log.Warn("database has no room to merge its tables", "error", cause.Error())
	case scarce(cause):
		time.Sleep(scarceRetryInterval)
	default:
		e.failAndPark(cause)
	}
}

// do is the gate between Pebble and the disk.
func (e *engine) do(op diskOp, path string, f func() error) error {
	try := func() error { return e.attempt(op, path, f) }
	var err error
	switch {
	case op == diskMerge:
		err = e.merge(try)
	case diskOps[op].waits:
		err = e.insist(try)
	default:
		err = try()
	}
	if err != nil && diskOps[op].vital {
		e.failAndPark(fmt.Errorf("%s %s: %w", op, path, err))
	}
	return err
}

// attempt runs f once. What hangs is logged while it does.
func (e *engine) attempt(op diskOp, path string, f func() error) error {
	e.fence.enter()
	defer e.fence.leave()
	begun := time.Now()
	hangs := time.AfterFunc(hangAfter, func() {
		e.hanging.Add(1)
		e.log.Error("the disk does not answer, mail waits for it", "op", op.String(), "path", path, "for", hangAfter)
	})
	var err error
	if diskOps[op].byPath {
		err = e.lock.inPlace()
	}
	if err == nil {
		err = f()
	}
	if !hangs.Stop() {
		e.hanging.Add(-1)
		e.log.Info("the disk answers again", "op", op.String(), "path", path, "after", time.Since(begun).Round(time.Second))
	}
	return err
}

// insist tries until there is room. The engine is stalled meanwhile.
func (e *engine) insist(try func() error) error {
	err := try()
	if !scarce(err) {
		return err
	}
	defer e.resume()
	for scarce(err) {
		e.stall(err)
		time.Sleep(scarceRetryInterval)
		err = try()
	}
	return err
}

// merge tries once, and a compaction that finds no room gives up; Pebble removes what
// it wrote. So a disk that has room for outcomes, but not for a merge, still takes
// outcomes. The compactions after it wait before they write.
func (e *engine) merge(try func() error) error {
	e.mu.Lock()
	wait := time.Until(e.crampedUntil)
	e.mu.Unlock()
	if wait > 0 {
		select {
		case <-e.closing:
		case <-time.After(wait):
		}
	}
	err := try()
	if scarce(err) {
		e.mu.Lock()
		e.crampedUntil = time.Now().Add(mergeRetryInterval)
		e.mu.Unlock()
	}
	return err
}

// full says whether err means that the disk has no room.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// scarce says whether err means a lack, of room or file descriptors, that passes by
// itself.
func scarce(err error) bool {
	return full(err) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// abandon keeps the engine from the disk for ever. It returns false, and is to be
// called again, while an operation is still running.
func (e *engine) abandon(cause error) bool {
	e.fail(cause)
	e.crew.close()
	return e.fence.close()
}

// close ends the engine. What was committed with a sync is durable without it.
func (e *engine) close() {
	close(e.closing)
	if err := e.write(e.db.Close); err != nil {
		e.abandon(err)
	}
	e.crew.close()
}

// engineLog is Pebble's logger. It passes on only what an operator can act on.
type engineLog struct{ engine *engine }

// Infof drops what Pebble tells of its work.
func (engineLog) Infof(string, ...any) {}

// Errorf passes errors on.
func (l engineLog) Errorf(format string, args ...any) {
	l.engine.log.Warn("database", "message", fmt.Sprintf(format, args...))
}

// Fatalf ends the engine, not the process.
func (l engineLog) Fatalf(format string, args ...any) {
	l.engine.failAndPark(fmt.Errorf(format, args...))
}
