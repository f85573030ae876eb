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
	memTableDiskShare = 64       // a memtable, its log and its table shall fit well into a small disk
	memTablesMax      = 4        // then writers wait for a flush
	flushesMerged     = 8        // tables of so many memtables are merged at a time: most of what they have is removed again soon, and with 2 that was written once or twice more before
	cacheBytes        = 48 << 20 // of table blocks: with 32 MiB the same load takes a quarter more CPU; the operating system caches the rest
	openTablesMax     = 256
	openTablesShare   = 8       // of the files that the process may have open
	filterBitsPerKey  = 10      // 1 % of look-ups for an absent key touch a table in vain
	bytesPerSync      = 1 << 20 // written behind while a table is made, so that no sync has much to do
)

// scarceRetryInterval is how often a write is tried again that found the disk full,
// or the process without a file descriptor for it.
const scarceRetryInterval = 100 * time.Millisecond

// mergeRetryInterval is how often a compaction is tried again that found the disk
// full: it writes all that fits.
const mergeRetryInterval = 5 * time.Second

// hangAfter is how long an operation of the disk may take before it is told.
const hangAfter = 10 * time.Second

// engine is one Pebble database and what stands between it and the disk.
//
// Pebble takes a failing log or manifest for the end of the process: it calls
// Logger.Fatalf, or panics where it holds locks or, worse, where its deferred
// unlocking then ends the process beyond any recover. So it never learns of
// such an error. While the disk is full, or file descriptors are used up, its
// writes wait, but for those of a merge of tables, which it can do without; after
// any other failure every goroutine of the engine stays where it is, for ever.
// Writes therefore run in goroutines of their own, and their callers wait for neither.
type engine struct {
	db    *pebble.DB
	lock  *dirLock
	fence fence
	crew  crew // in which writes run
	log   *slog.Logger

	mu      sync.Mutex
	cause   error          // of the failure or the stall
	failed  bool           // for good
	stopped chan struct{}  // closed while the engine is failed or stalled
	late    []<-chan error // writes whose callers did not wait for them

	hanging      atomic.Int32  // operations of the disk that take longer than hangAfter
	crampedUntil time.Time     // no compaction writes before
	closing      chan struct{} // closed when the engine is not to be used any more
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

// tableOfSpace ends a table with its Space. Most of what is written is messages,
// whose keys grow with time: their tables overlap no others, so that they are
// never written a second time because of the small records of other spaces.
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

// write runs f, which may write, and returns at the latest when the engine
// fails or stalls. f may then still end well, or never; but no other f begins
// before it has.
func (e *engine) write(f func() error) error {
	stopped, err := e.waitForLate()
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	e.crew.start(func() { report(done, f) })
	select {
	case err := <-done:
		return err
	case <-stopped:
		return e.leave(done)
	}
}

// waitForLate returns what is closed when the engine stops.
func (e *engine) waitForLate() (<-chan struct{}, error) {
	e.mu.Lock()
	stopped, cause, late := e.stopped, e.cause, e.late
	e.mu.Unlock()
	for _, done := range late {
		select {
		case <-done:
		case <-stopped:
			cause = e.reason()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.late = slices.DeleteFunc(e.late, func(done <-chan error) bool { return cause == nil && slices.Contains(late, done) })
	return stopped, cause
}

// leave notes that a write goes on although nobody waits for it any more.
func (e *engine) leave(done <-chan error) error {
	e.mu.Lock()
	e.late = append(e.late, done)
	e.mu.Unlock()
	return e.reason()
}

// reason is why the engine has stopped.
func (e *engine) reason() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return cmp.Or(e.cause, error(errStopped))
}

// errStopped is the cause of a stall that was over before it could be asked for.
var errStopped = fmt.Errorf("there was no room a moment ago: %w", syscall.ENOSPC)

// report turns a panic of f into an error.
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

// failure is why the engine is of no more use, nil while it may work again.
func (e *engine) failure() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed {
		return e.cause
	}
	return nil
}

// stop ends the waiting of all writers.
func (e *engine) stop(cause error, forever bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed || e.cause != nil && !forever {
		return
	}
	if e.cause == nil {
		close(e.stopped)
	}
	e.cause, e.failed = cause, forever
	e.log.Error("database stopped", "error", cause.Error(), "until", map[bool]string{true: "it is opened again", false: "there is room"}[forever])
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

func (e *engine) failAndPark(cause error) {
	e.stop(cause, true)
	park()
}

// backgroundError hears of flushes and compactions that came to no end. Pebble begins
// them again at once; those that lacked room, or a descriptor to read from, may.
func (e *engine) backgroundError(cause error) {
	switch {
	case full(cause): // of a merge, which waits by itself
		e.log.Warn("database has no room to merge its tables", "error", cause.Error())
	case scarce(cause):
		time.Sleep(scarceRetryInterval)
	default:
		e.failAndPark(cause)
	}
}

// do is the gate between Pebble and the disk. What goes by the name of a file is
// done in the directory that was opened alone: in another one in its place it would
// overwrite and remove what is not this engine's.
func (e *engine) do(op, path string, f func() error) error {
	switch op {
	case "write", "sync", "preallocate":
	default:
		f = e.inPlace(f)
	}
	f = e.watched(op, path, f)
	if op == opMerge {
		return e.merge(f)
	}
	stalled := false
	err := e.fence.pass(f)
	for ; scarce(err) && op != "sync" && op != "preallocate"; err = e.fence.pass(f) {
		stalled = true
		e.stop(err, false)
		time.Sleep(scarceRetryInterval)
	}
	if stalled {
		e.resume()
	}
	switch op {
	case "write", "sync", "create", "reuse", "rename":
		if err != nil {
			e.failAndPark(fmt.Errorf("%s %s: %w", op, path, err))
		}
	}
	return err // Pebble lives with it
}

// watched tells of an operation that comes to no end, while it does not.
func (e *engine) watched(op, path string, f func() error) func() error {
	return func() error {
		begun := time.Now()
		hangs := time.AfterFunc(hangAfter, func() {
			e.hanging.Add(1)
			e.log.Error("the disk does not answer, mail waits for it", "op", op, "path", path, "for", hangAfter)
		})
		err := f()
		if !hangs.Stop() {
			e.hanging.Add(-1)
			e.log.Info("the disk answers again", "op", op, "path", path, "after", time.Since(begun).Round(time.Second))
		}
		return err
	}
}

func (e *engine) inPlace(f func() error) func() error {
	return func() error {
		if err := e.lock.inPlace(); err != nil {
			return err
		}
		return f()
	}
}

// merge is do for what compactions write. One that finds no room gives up, and what
// it had written goes: a disk that has room for outcomes and not for a merge of
// tables is of more use than one that waits for all of it. The next one waits for a
// while before it begins.
func (e *engine) merge(f func() error) error {
	e.mu.Lock()
	wait := time.Until(e.crampedUntil)
	e.mu.Unlock()
	if wait > 0 {
		select {
		case <-e.closing:
		case <-time.After(wait):
		}
	}
	err := e.fence.pass(f)
	if scarce(err) {
		e.mu.Lock()
		e.crampedUntil = time.Now().Add(mergeRetryInterval)
		e.mu.Unlock()
	}
	return err
}

// full says whether an error means that there is no room.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// scarce says whether an error is about what comes back by itself.
func scarce(err error) bool {
	return full(err) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// abandon keeps the engine from the disk for ever. It fails while an operation
// is under way.
func (e *engine) abandon(cause error) bool {
	e.stop(cause, true)
	e.crew.close()
	return e.fence.close()
}

// close ends the engine. What was committed is on the disk, with or without it.
func (e *engine) close() {
	close(e.closing)
	if err := e.write(e.db.Close); err != nil {
		e.abandon(err)
	}
	e.crew.close()
}

// engineLog takes what Pebble says. Only what an operator can act upon is passed on.
type engineLog struct{ engine *engine }

// Infof drops what Pebble reports of its inner life.
func (engineLog) Infof(string, ...any) {}

// Errorf passes errors on.
func (l engineLog) Errorf(format string, args ...any) {
	l.engine.log.Warn("database", "message", fmt.Sprintf(format, args...))
}

// Fatalf ends the engine, not the process.
func (l engineLog) Fatalf(format string, args ...any) {
	l.engine.failAndPark(fmt.Errorf(format, args...))
}
