package spool_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/spool"
	"github.com/mmgw/mmgw/gateway/store"
)

// A message goes its whole way, with a restart before each step.
func TestLife(t *testing.T) {
	f := open(t, store.NewMemory())
	m := f.accept(t, text(5000))
	f = f.restart(t)
	loaded, err := f.Load(m.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, loaded.Content); !slices.Equal(got, text(5000)) {
		t.Error("the content differs")
	}
	loaded.Content, m.Content = nil, nil
	if !reflect.DeepEqual(loaded, m) {
		t.Errorf("loaded  %+v\naccepted %+v", loaded, m)
	}
	want := "message 1 leg 0 batch -1 stage 0 list dev.lists.example.com\n"
	if got := f.entries(); got != want {
		t.Errorf("accepted:\n%s", got)
	}
	if err := f.expand(m, 2); err != nil {
		t.Fatal(err)
	}
	f = f.restart(t)
	want = "message 1 leg 0 batch 0 stage 2 list dev.lists.example.com\nmessage 1 leg 0 batch 1 stage 2 list dev.lists.example.com\n"
	if got := f.entries(); got != want {
		t.Errorf("expanded:\n%s", got)
	}
	for number := range 2 {
		if err := f.settle(m.ID, number); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.entries(); got != "" {
		t.Errorf("delivered:\n%s", got)
	}
	if _, err := f.Load(m.ID); !errors.Is(err, gateway.ErrNotSpooled) {
		t.Errorf("a finished message: %v", err)
	}
}

// An entry names the next hop of the first delivery that is pending, after a
// restart too.
func TestEntriesNameTheirRoute(t *testing.T) {
	f := open(t, store.NewMemory())
	m := f.accept(t, text(10))
	leg := m.Legs[0]
	leg.Stage, leg.Batches = gateway.StageExpanded, 1
	b := batch(m.ID, 0, 2)
	b.Deliveries[1].Route = "bulk"
	steps := []gateway.Transition{{Message: m.ID, State: &leg, Batches: []*gateway.Batch{b}}, {Message: m.ID, Batches: []*gateway.Batch{b}}}
	for i, want := range []string{"", "bulk"} {
		if err := f.Commit(ctx, steps[i]); err != nil {
			t.Fatal(err)
		}
		f = f.restart(t)
		for e, err := range f.Entries() {
			if err != nil || e.Route != want {
				t.Errorf("step %d: route %q, %v", i, e.Route, err)
			}
		}
		b.Deliveries[0].Outcomes = []gateway.Outcome{{Status: gateway.Accepted, Settled: true}}
	}
}

// What a leg and a batch can hold comes back as it went in.
func TestRecordsRoundTrip(t *testing.T) {
	f := open(t, store.NewMemory())
	m := f.accept(t, text(10))
	edits := []gateway.Edit{{Op: gateway.InsertField, Index: 2, Name: "X", Value: "{verp}", Template: true}, {Op: gateway.ReplaceBody, Body: text(100_000)}}
	leg := gateway.Leg{
		Service: gateway.Post, List: "dev.lists.example.com", Recipients: []gateway.RecipientID{0, 3}, Details: []string{"", "d"},
		Added: []gateway.Recipient{{Path: "b@example.com", Notify: gateway.NotifyNever}}, Edits: edits, Handlers: []string{"tag@1"},
		Route: "bulk", PostNumber: 9, Stage: gateway.StageExpanding, Cursor: "c", Batches: 1,
	}
	b := batch(m.ID, 0, 3)
	b.Edits, b.Attempt = edits, 2
	b.Deliveries[1].Edits, b.Deliveries[1].Route, b.Deliveries[2].Envelope.SMTPUTF8 = edits[:1], "bulk", true
	if err := f.Commit(ctx, gateway.Transition{Message: m.ID, State: &leg, Batches: []*gateway.Batch{b}}); err != nil {
		t.Fatal(err)
	}
	outcome := []gateway.Outcome{{Status: &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 2, 1}, Text: "later"}}}
	if err := f.Commit(ctx, gateway.Transition{Message: m.ID, Outcomes: []gateway.LegOutcome{{Batch: 0, Delivery: 1, Outcomes: outcome}}}); err != nil {
		t.Fatal(err)
	}
	f = f.restart(t)
	b.Deliveries[1].Outcomes = outcome
	if got, err := f.Batch(b.Key()); err != nil || !reflect.DeepEqual(got, b) {
		t.Errorf("batch: %v\n got %+v\nwant %+v", err, got, b)
	}
	if got, err := f.Load(m.ID); err != nil || !reflect.DeepEqual(got.Legs[0], leg) {
		t.Errorf("leg: %v\n got %+v\nwant %+v", err, got.Legs[0], leg)
	}
	b.Attempt, b.Due = 3, noon.Add(time.Hour)
	if err := f.Commit(ctx, gateway.Transition{Message: m.ID, Batches: []*gateway.Batch{b}}); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Batch(b.Key()); err != nil || got.Attempt != 3 || !got.Due.Equal(b.Due) || got.Deliveries[1].Outcomes == nil {
		t.Errorf("after an attempt: %v %+v", err, got)
	}
}

func TestDuplicates(t *testing.T) {
	f := open(t, store.NewMemory())
	first := f.accept(t, text(100))
	again := func(content []byte, at time.Time, change func(*gateway.Message)) []int {
		m, w, err := f.begin(content, at)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Discard()
		change(m)
		dup, err := f.Accept(ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		return dup
	}
	same := func(*gateway.Message) {}
	otherList := gateway.Leg{Service: gateway.Post, List: "other.lists.example.com", Recipients: []gateway.RecipientID{0}}
	f = f.restart(t)
	for _, c := range []struct {
		name    string
		content []byte
		after   time.Duration
		change  func(*gateway.Message)
		want    []int
	}{
		{"the same", text(100), time.Hour, same, []int{0}},
		{"other case", text(100), time.Hour, func(m *gateway.Message) { m.Envelope.Recipients[0].Path = "Dev@lists.example.com" }, []int{0}},
		{"other content", text(101), time.Hour, same, nil},
		{"other reverse-path", text(100), time.Hour, func(m *gateway.Message) { m.Envelope.ReversePath = "" }, nil},
		{"other recipient", text(100), time.Hour, func(m *gateway.Message) { m.Envelope.Recipients[0].Path = "dev+x@lists.example.com" }, nil},
		{"no digest", text(100), time.Hour, func(m *gateway.Message) { m.Digest = [32]byte{} }, nil},
		{"one leg of two", text(100), time.Hour, func(m *gateway.Message) { m.Legs = append(m.Legs, otherList) }, []int{0}},
		{"end of the window", text(100), gateway.DuplicateWindow - 1, same, []int{0}},
		{"behind the window", text(100), gateway.DuplicateWindow, same, nil},
	} {
		if got := again(c.content, noon.Add(c.after), c.change); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	again(text(102), noon.Add(96*time.Hour), same) // purges
	left := 0
	for range f.db.Prefix(store.SpoolDuplicates.Key(), nil) {
		left++
	}
	if left != 1 {
		t.Errorf("%d duplicates are kept, want the last one", left)
	}
	if m, err := f.Load(first.ID); err != nil || len(m.Legs) != 1 {
		t.Errorf("the first message: %v", err)
	}
}

// The legs that are not duplicates keep their places.
func TestPartialDuplicate(t *testing.T) {
	f := open(t, store.NewMemory())
	f.accept(t, text(100))
	m, _, err := f.begin(text(100), noon)
	if err != nil {
		t.Fatal(err)
	}
	m.Legs = append(m.Legs, gateway.Leg{Service: gateway.Owner, List: "dev.lists.example.com", Recipients: []gateway.RecipientID{0}})
	if dup, err := f.Accept(ctx, m); err != nil || !slices.Equal(dup, []int{0}) {
		t.Fatal(dup, err)
	}
	got, err := f.Load(m.ID)
	if err != nil || got.Legs[0].Stage != gateway.StageDone || got.Legs[1].Service != gateway.Owner || got.Legs[1].Stage != gateway.StageAccepted {
		t.Errorf("%v: %+v", err, got)
	}
}

// Two sessions that bring the same at the same time bring it once.
func TestConcurrentDuplicates(t *testing.T) {
	f := open(t, store.NewMemory())
	var mu sync.Mutex
	var group sync.WaitGroup
	fresh := 0
	for range 16 {
		group.Go(func() {
			m, _, err := f.begin(text(100), noon)
			if err != nil {
				t.Error(err)
				return
			}
			dup, err := f.Accept(ctx, m)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || dup == nil {
				fresh++
			}
		})
	}
	group.Wait()
	if fresh != 1 {
		t.Errorf("accepted %d times", fresh)
	}
}

func TestLargeContent(t *testing.T) {
	for _, size := range []int{spool.ContentInlineBytesMax, spool.ContentInlineBytesMax + 1, 1 << 20} {
		f := open(t, store.NewMemory())
		files := 0
		if size > spool.ContentInlineBytesMax {
			files = 1
		}
		_, w, err := f.begin(text(size), noon)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(f.files(t)); n != files {
			t.Errorf("%d octets: %d files", size, n)
		}
		w.Discard()
		if n := len(f.files(t)); n != 0 {
			t.Errorf("%d octets: %d files after Discard", size, n)
		}
		m, w, err := f.begin(text(size), noon)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Accept(ctx, m); err != nil {
			t.Fatal(err)
		}
		w.Discard()
		if _, _, err := f.begin(text(size), noon); err != nil { // the process ends before Accept
			t.Fatal(err)
		}
		f = f.restart(t)
		if n := len(f.files(t)); n != files {
			t.Errorf("%d octets: %d files after a restart", size, n)
		}
		got, err := f.Load(m.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(read(t, got.Content), text(size)) {
			t.Errorf("%d octets: the content differs", size)
		}
		if err := errors.Join(f.expand(m, 1), f.settle(m.ID, 0)); err != nil {
			t.Fatal(err)
		}
		if n := len(f.files(t)); n != 0 {
			t.Errorf("%d octets: %d files after the delivery", size, n)
		}
	}
}

// Mail is refused while only the reserve is left; outcomes are not.
func TestAdmission(t *testing.T) {
	disk := store.NewMemory()
	disk.SetFree(100<<20, 100<<20)
	f := open(t, disk)
	m := f.accept(t, text(100))
	disk.SetFree(24<<20, 100<<20)
	f = f.restart(t)
	_, _, err := f.Begin(noon, false)
	if s := gateway.AsStatus(err); s.Code != 452 || s.Enhanced != (gateway.EnhancedCode{4, 3, 1}) {
		t.Errorf("on a full disk: %v", err)
	}
	if f.Ready() == nil {
		t.Error("it is ready for mail on a full disk")
	}
	if err := errors.Join(f.expand(m, 1), f.settle(m.ID, 0)); err != nil {
		t.Errorf("delivery on a full disk: %v", err)
	}
	disk.SetFree(26<<20, 100<<20)
	f = f.restart(t)
	m = f.accept(t, text(100_000))
	if err := f.Ready(); err != nil {
		t.Error(err)
	}
	disk.BeforeWrite(func(string, string) error { return syscall.EIO })
	if f.expand(m, 1) == nil || f.Ready() == nil {
		t.Error("it is ready for mail with a disk that fails")
	}
}

// A content whose file, or the name of it, cannot be made durable leaves nothing on
// a disk that has enough to do with itself.
func TestContentThatIsNotDurable(t *testing.T) {
	disk := store.NewMemory()
	f := open(t, disk)
	for _, ofDir := range []bool{false, true} {
		m, w, err := f.begin(text(1<<20), noon)
		if err != nil {
			t.Fatal(err)
		}
		disk.BeforeWrite(func(op, path string) error {
			if op == "sync" && strings.HasPrefix(path, "/state/content") && ofDir == strings.HasSuffix(path, "content") {
				return syscall.EIO
			}
			return nil
		})
		if _, err := f.Accept(ctx, m); gateway.AsStatus(err).Code != 451 {
			t.Errorf("with the directory %v: %v", ofDir, err)
		}
		w.Discard()
		disk.BeforeWrite(nil)
		if left := f.files(t); len(left) != 0 {
			t.Errorf("with the directory %v: %v is left", ofDir, left)
		}
	}
}

// No mail goes into a directory that is not there any more, or not the one that was
// opened.
func TestAdmissionWhereItWasOpened(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	db, err := store.Open(store.Options{Dir: filepath.Join(dir, "db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := spool.Open(spool.Options{Store: db, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Begin(noon, false); !errors.Is(err, fs.ErrNotExist) || gateway.AsStatus(err).Code != 451 {
		t.Error(err)
	}
}

// On a small disk the reserve has room for all tables once more: a compaction
// needs that, and without it the room of what was delivered is never free again.
// The room with which mail is refused here is enough while there are no tables.
func TestAdmissionLeavesRoomToCompact(t *testing.T) {
	disk := store.NewMemory()
	disk.SetFree(100<<20, 100<<20)
	f := open(t, disk)
	random := rand.NewChaCha8([32]byte{})
	for range 100 {
		content := make([]byte, 60_000)
		random.Read(content)
		f.accept(t, content)
	}
	if tables := f.db.TableBytes(1 << 30); tables < 2<<20 {
		t.Fatalf("the tables have %d octets: the test proves nothing", tables)
	}
	disk.SetFree(26<<20, 100<<20)
	f = f.restart(t)
	_, _, err := f.Begin(noon, false)
	if s := gateway.AsStatus(err); s.Code != 452 || s.Enhanced != (gateway.EnhancedCode{4, 3, 1}) {
		t.Errorf("without room for a compaction: %v", err)
	}
}

// Mail that is delivered keeps no other out: the room that the database still has
// for it is made free, also beside much that is not delivered.
func TestRoomOfMailThatHasGone(t *testing.T) {
	for _, test := range []struct {
		name  string
		gone  func(i int) bool
		taken bool
	}{
		{"all delivered", func(int) bool { return true }, true},
		{"a third of each part delivered", func(i int) bool { return i%3 == 0 }, true},
		{"the last third delivered", func(i int) bool { return i >= 133 }, true},
		{"none delivered", func(int) bool { return false }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := store.NewMemory()
				disk.SetFree(16<<20, 16<<20)
				f := open(t, disk)
				random := rand.NewChaCha8([32]byte{})
				var all []*gateway.Message
				for range 200 {
					content := make([]byte, 60_000)
					random.Read(content)
					all = append(all, f.accept(t, content))
				}
				for i, m := range all {
					if !test.gone(i) {
						continue
					}
					if err := errors.Join(f.expand(m, 1), f.settle(m.ID, 0)); err != nil {
						t.Fatal(err)
					}
				}
				kept := make(chan struct{})
				go func() { defer close(kept); f.KeepRoom(t.Context()) }()
				t.Cleanup(func() { <-kept })
				disk.SetFree(13500<<10, 16<<20) // less than a quarter and tables of 11 MB, and than twice what lives
				time.Sleep(time.Second)         // what was known of the room is old
				if _, _, err := f.Begin(noon, false); err == nil {
					t.Fatalf("taken with tables of %d octets: the test proves nothing", f.db.TableBytes(1<<30))
				}
				taken := false
				for wait := 2 * time.Second; !taken && wait < time.Minute; wait *= 2 {
					time.Sleep(wait)
					_, _, err := f.Begin(noon, false)
					taken = err == nil
				}
				if taken != test.taken {
					t.Errorf("taken: %v; the tables have become %d octets", taken, f.db.TableBytes(1<<30))
				}
			})
		})
	}
}

// A report may take half of the reserve: it lets the mail go that it is about.
func TestAdmissionOfOurOwn(t *testing.T) {
	disk := store.NewMemory()
	disk.SetFree(24<<20, 100<<20)
	f := open(t, disk)
	if _, _, err := f.Begin(noon, true); err != nil {
		t.Error(err)
	}
	disk.SetFree(12<<20, 100<<20)
	f = f.restart(t)
	_, _, err := f.Begin(noon, true)
	if s := gateway.AsStatus(err); s.Code != 452 {
		t.Errorf("with less than half the reserve: %v", err)
	}
}

// Large contents leave the database the files that it needs to let them go.
func TestAdmissionLeavesFiles(t *testing.T) {
	disk := store.NewMemory()
	disk.SetFiles(20, 100)
	f := open(t, disk)
	_, _, err := f.Begin(noon, false)
	if s := gateway.AsStatus(err); s.Code != 452 {
		t.Errorf("with a fifth of the files left: %v", err)
	}
	if _, _, err := f.Begin(noon, true); err != nil {
		t.Errorf("a report: %v", err)
	}
}

func TestIDsGrow(t *testing.T) {
	f := open(t, store.NewMemory())
	m := f.accept(t, text(1))
	if err := f.Drop(m.ID); err != nil {
		t.Fatal(err)
	}
	f = f.restart(t)
	id, _, err := f.Begin(noon.Add(-time.Hour), false) // the clock was set back
	if err != nil || id <= m.ID {
		t.Errorf("%v after %v: %v", id, m.ID, err)
	}
}
