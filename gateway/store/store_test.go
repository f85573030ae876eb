package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

func open(t testing.TB, m *store.Memory) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{Dir: "/state/db", FS: m.FS()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func set(t testing.TB, s *store.Store, pairs ...string) {
	t.Helper()
	var b store.Batch
	for i := 0; i < len(pairs); i += 2 {
		b.Set([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	if err := s.Commit(&b); err != nil {
		t.Fatal(err)
	}
}

func contents(t testing.TB, s *store.Store, prefix, after string) string {
	t.Helper()
	var from []byte
	if after != "" {
		from = []byte(after)
	}
	var all []string
	for item, err := range s.Prefix([]byte(prefix), from) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s=%s", item.Key, item.Value))
	}
	return strings.Join(all, " ")
}

func TestBatchAndPrefix(t *testing.T) {
	s := open(t, store.NewMemory())
	set(t, s, "a1", "x", "a2", "y", "a3", "z", "b1", "w", "\xff\xff", "end")
	for _, c := range []struct{ prefix, after, want string }{
		{"a", "", "a1=x a2=y a3=z"},
		{"a", "a1", "a2=y a3=z"},
		{"a", "a3", ""},
		{"c", "", ""},
		{"\xff", "", "\xff\xff=end"},
	} {
		if got := contents(t, s, c.prefix, c.after); got != c.want {
			t.Errorf("%q behind %q: got %q, want %q", c.prefix, c.after, got, c.want)
		}
	}
	var b store.Batch
	b.DeletePrefix([]byte("a"))
	b.Set([]byte("a2"), []byte("again"))
	b.Delete([]byte("b1"))
	if err := s.Commit(&b); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, s, "a", "") + contents(t, s, "b", ""); got != "a2=again" {
		t.Errorf("after deletion: %q", got)
	}
	if _, err := s.Get([]byte("a1")); err != store.ErrNotFound {
		t.Errorf("deleted key: %v", err)
	}
	if last, err := s.Last([]byte("a")); err != nil || string(last) != "a2" {
		t.Errorf("last: %q, %v", last, err)
	}
}

func TestInUse(t *testing.T) {
	dir := t.TempDir()
	first, err := store.Open(store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(store.Options{Dir: dir}); !errors.Is(err, store.ErrInUse) {
		t.Errorf("second open: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := store.Open(store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	if _, err := store.Open(store.Options{Dir: "/dev/null/x"}); err == nil || errors.Is(err, store.ErrInUse) {
		t.Errorf("unusable directory: %v", err)
	}
}

// Every commit that returned is found after a power cut, whatever of the rest
// is kept; on a disk that ignores syncs it is not.
func TestPowerCut(t *testing.T) {
	lost := func(lie bool, keep int) bool {
		m := store.NewMemory()
		s := open(t, m)
		if lie {
			m.IgnoreSync()
		}
		set(t, s, "k", "v")
		after := open(t, m.Crash(keep, 1))
		_, err := after.Get([]byte("k"))
		return err != nil
	}
	for _, keep := range []int{0, 50, 100} {
		if lost(false, keep) {
			t.Errorf("a synced commit is lost with %d %% of the unsynced data kept", keep)
		}
	}
	if !lost(true, 0) {
		t.Error("the control without sync loses nothing: the test proves nothing")
	}
}

func TestCommitsShareSyncs(t *testing.T) {
	const writers, each = 32, 20
	m := store.NewMemory()
	s := open(t, m)
	var syncs atomic.Int64
	m.BeforeWrite(func(op, path string) error {
		if op == "sync" && strings.HasSuffix(path, ".log") {
			syncs.Add(1)
			time.Sleep(100 * time.Microsecond) // as long as a fast disk takes
		}
		return nil
	})
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				set(t, s, fmt.Sprintf("%d/%d", w, i), "v")
			}
		})
	}
	group.Wait()
	if n := syncs.Load(); n == 0 || n > writers*each/2 {
		t.Errorf("%d syncs for %d commits", n, writers*each)
	}
}

// A full disk costs transient replies while it is full. What was read before
// can be read, and there is no restart.
func TestFullDisk(t *testing.T) {
	m := store.NewMemory()
	s := open(t, m)
	set(t, s, "before", "1")
	full := make(chan struct{})
	m.BeforeWrite(func(op, path string) error {
		select {
		case <-full:
			return nil
		default:
			return syscall.ENOSPC
		}
	})
	for range 3 {
		var b store.Batch
		b.Set([]byte("during"), []byte("2"))
		err := s.Commit(&b)
		var status *gateway.Status
		if !errors.As(err, &status) || status.Code != 452 || status.Enhanced != (gateway.EnhancedCode{4, 3, 1}) {
			t.Fatalf("commit on a full disk: %v", err)
		}
		if got := contents(t, s, "before", ""); got != "before=1" {
			t.Errorf("read on a full disk: %q", got)
		}
	}
	close(full)
	commitAgain(t, s, "after")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = open(t, m)
	if got := contents(t, s, "before", "") + contents(t, s, "after", ""); got != "before=1after=" {
		t.Errorf("after the restart: %q", got)
	}
}

// A disk with room for changes and not for a merge of tables takes changes. The
// merge leaves nothing of what it wrote, and is made when there is room.
func TestNoRoomToMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := store.NewMemory()
		s := open(t, m)
		random := rand.NewChaCha8([32]byte{})
		fill := func(n int) {
			var b store.Batch
			value := make([]byte, 100_000)
			random.Read(value)
			b.Set(fmt.Appendf(nil, "key %d", n), value)
			if err := s.Commit(&b); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 100 {
			fill(n)
		}
		written := 0
		m.BeforeWrite(func(op, _ string) error {
			if op != "merge" {
				return nil
			}
			if written++; written%10 > 0 {
				return nil
			}
			return syscall.ENOSPC
		})
		merge := func() (tables uint64, took time.Duration) {
			begun := time.Now()
			_, err := s.Reclaim([]byte("k"), []byte("l"))
			if status := gateway.AsStatus(err); status.Code != 452 {
				t.Errorf("a merge without room: %v", err)
			}
			return s.TableBytes(1 << 30), time.Since(begun)
		}
		before, _ := merge()
		fill(0)
		after, took := merge()
		if after > before+1<<20 || took < time.Second {
			t.Errorf("tables of %d octets became %d, after %v", before, after, took)
		}
		m.BeforeWrite(nil)
		time.Sleep(time.Minute)
		if _, err := s.Reclaim([]byte("k"), []byte("l")); err != nil {
			t.Errorf("with room: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A process out of file descriptors goes on with the engine that it has once there
// are some, however often: other ones would be used up.
func TestNoDescriptors(t *testing.T) {
	m := store.NewMemory()
	s, err := store.Open(store.Options{Dir: "/state/db", FS: m.FS(), MemTableBytes: 64 << 10, ReopenAfter: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 3 {
		m.BeforeWrite(func(op, path string) error {
			if op == "create" || op == "open" {
				return &fs.PathError{Op: "open", Path: path, Err: syscall.EMFILE}
			}
			return nil
		})
		var refused error
		for n := 0; refused == nil; n++ {
			var b store.Batch
			b.Set(fmt.Appendf(nil, "%d %d", i, n), make([]byte, 8<<10))
			refused = s.Commit(&b)
		}
		if status := gateway.AsStatus(refused); status.Code != 451 {
			t.Errorf("commit without descriptors: %v", refused)
		}
		m.BeforeWrite(nil)
		commitAgain(t, s, "after")
	}
}

// A disk that hangs is told while it does, and when it is over.
func TestDiskThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := store.NewMemory()
		log := make(lines, 10)
		s, err := store.Open(store.Options{Dir: "/state/db", FS: m.FS(), Log: slog.New(slog.NewTextHandler(log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var once sync.Once
		m.BeforeWrite(func(op, path string) error {
			if op == "sync" {
				once.Do(func() { time.Sleep(30 * time.Second) })
			}
			return nil
		})
		go func() {
			var b store.Batch
			b.Set([]byte("k"), nil)
			s.Commit(&b)
		}()
		for _, want := range []struct {
			wait    time.Duration
			answers bool
			log     string
		}{{5 * time.Second, true, ""}, {10 * time.Second, false, "the disk does not answer, mail waits for it"}, {20 * time.Second, true, "the disk answers again"}} {
			time.Sleep(want.wait)
			var line string
			if want.log != "" {
				line = <-log
			}
			if err := s.Answers(); (err == nil) != want.answers || !strings.Contains(line, want.log) {
				t.Errorf("%v, %s", err, line)
			}
		}
	})
}

// lines are those of a log.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// While a database that failed is not open again, reads say so as commits do: who
// needs either waits for the same.
func TestReadsOfFailedDatabase(t *testing.T) {
	m := store.NewMemory()
	s := open(t, m)
	set(t, s, "before", "1")
	m.BeforeWrite(func(string, string) error { return syscall.EIO })
	var b store.Batch
	b.Set([]byte("during"), nil)
	if err := s.Commit(&b); !errors.Is(err, store.ErrUnwritable) {
		t.Errorf("commit: %v", err)
	}
	if _, err := s.Get([]byte("before")); !errors.Is(err, store.ErrUnwritable) {
		t.Errorf("read: %v", err)
	}
}

// commitAgain commits as soon as the store takes it.
func commitAgain(t *testing.T, s *store.Store, key string) {
	t.Helper()
	var b store.Batch
	b.Set([]byte(key), nil)
	for deadline := time.Now().Add(20 * time.Second); ; {
		err := s.Commit(&b)
		if err == nil {
			return
		}
		if gateway.AsStatus(err).Class() != gateway.Transient {
			t.Fatalf("not transient: %v", err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("the store does not recover: %v", err)
		}
		runtime.Gosched()
	}
}

// The n-th change of the disk fails, for each n: no committed key is lost, and
// the store works again once the disk does.
func TestEveryFailure(t *testing.T) {
	const keys = 12 // of 8 KiB each: enough for some flushes
	for n := 1; ; n++ {
		m := store.NewMemory()
		s, err := store.Open(store.Options{Dir: "/state/db", FS: m.FS(), MemTableBytes: 64 << 10, ReopenAfter: 1})
		if err != nil {
			t.Fatal(err)
		}
		var count atomic.Int64
		m.BeforeWrite(func(op, path string) error {
			if count.Add(1) == int64(n) {
				return syscall.EIO
			}
			return nil
		})
		committed := map[int]bool{}
		for i := range keys {
			var b store.Batch
			b.Set(fmt.Appendf(nil, "%02d", i), make([]byte, 8<<10))
			committed[i] = s.Commit(&b) == nil
		}
		commitAgain(t, s, "recovered")
		after := open(t, m.Crash(0, 0))
		for i := range keys {
			if _, err := after.Get(fmt.Appendf(nil, "%02d", i)); committed[i] && err != nil {
				t.Errorf("operation %d failed: key %d is gone: %v", n, i, err)
			}
		}
		s.Close()
		if count.Load() < int64(n) {
			return
		}
	}
}

// A disk that fails again and again is at last the matter of another process.
func TestSpent(t *testing.T) {
	m := store.NewMemory()
	s, err := store.Open(store.Options{Dir: "/state/db", FS: m.FS(), ReopenAfter: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	commit := func() error {
		var b store.Batch
		b.Set([]byte("key"), nil)
		return s.Commit(&b)
	}
	for again := 0; ; again++ {
		m.BeforeWrite(func(string, string) error { return syscall.EIO })
		if commit() == nil {
			t.Fatal("a disk that fails takes a commit")
		}
		m.BeforeWrite(nil)
		for commit() != nil {
			select {
			case <-s.Spent():
				if again != 16 {
					t.Errorf("spent after it was opened again %d times", again)
				}
				return
			default:
			}
		}
	}
}
