package roster

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

const dev = gateway.ListID("dev.lists.example.com")

// The overlay wins over the file, also when the file is read again.
func TestOverlay(t *testing.T) {
	f := open(t, store.NewMemory())
	file := []FileList{fileList("dev@lists.example.com", "Carl@example.com", "anne@example.com", "bart@example.com", "carl@EXAMPLE.com")}
	if err := f.SetFileLists(file); err != nil {
		t.Fatal(err)
	}
	check := func(when, want string) {
		t.Helper()
		if got := f.rows(t, dev); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", when, got, want)
		}
	}
	check("at first", "<anne@example.com> enabled file\n<bart@example.com> enabled file\n<Carl@example.com> enabled file")
	for i, err := range []error{
		f.RemoveMember(dev, "Anne@example.com"),
		f.DisableMember(dev, "bart@example.com"),
		second(f.AddMember(dev, gateway.Recipient{Path: "Dora@example.com"})),
		second(f.AddMember(dev, gateway.Recipient{Path: "elma@example.com"})),
		f.RemoveMember(dev, "elma@example.com"),
		setScore(f, dev, "carl@example.com", 2),
	} {
		if err != nil {
			t.Errorf("change %d: %v", i, err)
		}
	}
	want := "<anne@example.com> left overlay\n<bart@example.com> disabled file\n<Carl@example.com> enabled file\n<Dora@example.com> enabled overlay"
	check("changed", want)
	f = f.restart(t)
	if err := f.SetFileLists(file); err != nil {
		t.Fatal(err)
	}
	check("after a restart", want)
	if got := f.members(t, dev, 1); got != "Carl@example.com Dora@example.com" {
		t.Errorf("members: %s", got)
	}
	if err := f.RemoveMember(dev, "anne@example.com"); !errors.Is(err, ErrUnknownMember) {
		t.Errorf("remove again: %v", err)
	}
	for _, path := range []gateway.ForwardPath{"anne@example.com", "bart@example.com", "carl@example.com", "dora@example.com"} {
		if err := f.ResetMember(dev, path); err != nil {
			t.Error(err)
		}
	}
	check("reset", "<anne@example.com> enabled file\n<bart@example.com> enabled file\n<Carl@example.com> enabled file")
	for range f.db.Prefix(store.RosterMembers.Key(), nil) {
		t.Error("the store keeps something of a member that it says nothing of")
	}
}

func second(_ bool, err error) error { return err }

// One that left and is added again is a member, whatever the file says.
func TestAddAgain(t *testing.T) {
	f := open(t, store.NewMemory())
	if err := f.SetFileLists([]FileList{fileList("dev@lists.example.com", "anne@example.com")}); err != nil {
		t.Fatal(err)
	}
	if added, err := f.AddMember(dev, gateway.Recipient{Path: "anne@example.com"}); added || err != nil {
		t.Errorf("a member: %v, %v", added, err)
	}
	if err := f.RemoveMember(dev, "anne@example.com"); err != nil {
		t.Fatal(err)
	}
	if added, err := f.AddMember(dev, gateway.Recipient{Path: "anne@example.com"}); !added || err != nil {
		t.Errorf("one that left: %v, %v", added, err)
	}
	if got := f.members(t, dev, 10); got != "anne@example.com" {
		t.Errorf("members: %s", got)
	}
}

// Pages of any size give every member once, in one order.
func TestPages(t *testing.T) {
	f := open(t, store.NewMemory())
	var file []string
	for i := range 30 {
		file = append(file, fmt.Sprintf("m%02d@example.com", i))
	}
	if err := f.SetFileLists([]FileList{fileList("dev@lists.example.com", file...)}); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		path := gateway.ForwardPath(file[i])
		var err error
		switch i % 5 {
		case 0:
			err = f.RemoveMember(dev, path)
		case 1:
			err = f.DisableMember(dev, path)
		case 2:
			_, err = f.AddMember(dev, gateway.Recipient{Path: "x" + path})
		case 3:
			err = setScore(f, dev, path, 1)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := f.members(t, dev, 1000)
	for limit := 1; limit < 40; limit++ {
		if got := f.members(t, dev, limit); got != want {
			t.Errorf("pages of %d: %s\nwant %s", limit, got, want)
		}
	}
	if n, err := f.CountMembers(dev); n != 24 || err != nil {
		t.Errorf("%d members, %v", n, err)
	}
}

func TestRole(t *testing.T) {
	f := open(t, store.NewMemory())
	list := gateway.List{Address: "dev@lists.example.com", Owners: []gateway.ForwardPath{"Anne@example.com"}, Moderators: []gateway.ForwardPath{"bart@example.com"}}
	if err := f.CreateList(list); err != nil {
		t.Fatal(err)
	}
	if _, err := f.AddMembers(dev, []gateway.Recipient{{Path: "anne@example.com"}, {Path: "carl@example.com"}, {Path: "Carl@example.com"}}); err != nil {
		t.Fatal(err)
	}
	if err := f.DisableMember(dev, "carl@example.com"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[gateway.ReversePath]string{
		"anne@example.com": RoleOwner, "bart@example.com": RoleModerator, "CARL@example.com": RoleMember,
		"dora@example.com": RoleNone, "": RoleNone,
	} {
		if got, err := f.Role(dev, path); got != want || err != nil {
			t.Errorf("%s: %s, %v", path, got, err)
		}
	}
	if _, err := f.Role("x", "a@b"); !errors.Is(err, gateway.ErrUnknownList) {
		t.Error(err)
	}
}

// setScore is what a bounce does at least.
func setScore(f *fixture, id gateway.ListID, path gateway.ForwardPath, score float64) error {
	return f.ChangeBounces(id, path, func(row *MemberRow) { row.Score = score })
}

func TestChangeBounces(t *testing.T) {
	f := open(t, store.NewMemory())
	f.create(t, "dev@lists.example.com", "anne@example.com", "bart@example.com")
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	want := Bounce{Count: 2, Status: "5.1.1", Text: "gone", Time: at, Probed: at.Add(1), Disabled: true, Warnings: 2, Warned: at.Add(2)}
	bounced := func(row *MemberRow) { row.Bounce, row.Disabled, row.Score = want, true, 3 }
	if err := errors.Join(f.KeepBounced(dev, "Anne@example.com", bytes.Repeat([]byte("x"), 2*BouncedBytesMax)), f.ChangeBounces(dev, "Anne@example.com", bounced)); err != nil {
		t.Fatal(err)
	}
	f = f.restart(t)
	row, err := f.Member(dev, "anne@example.com")
	if err != nil || row.Bounce != want || !row.Disabled || row.Score != 3 {
		t.Errorf("%+v, %v", row, err)
	}
	if kept, err := f.Bounced(dev, "anne@example.com"); len(kept) != BouncedBytesMax || err != nil {
		t.Errorf("%d octets are kept, %v", len(kept), err)
	}
	if disabled, next, err := f.BounceDisabled(dev, "", 10); len(disabled) != 1 || disabled[0] != "anne@example.com" || next != "" || err != nil {
		t.Errorf("%v, %q, %v", disabled, next, err)
	}
	if err := f.ChangeBounces(dev, "x@example.com", bounced); !errors.Is(err, ErrUnknownMember) {
		t.Errorf("no member: %v", err)
	}
	// Whatever ends it leaves nothing behind.
	for name, end := range map[string]func(gateway.ListID, gateway.ForwardPath) error{
		"remove": f.RemoveMember, "reset": f.ResetMember, "enable": f.EnableMember, "disable": f.DisableMember,
	} {
		if err := errors.Join(f.KeepBounced(dev, "bart@example.com", []byte("x")), f.ChangeBounces(dev, "bart@example.com", bounced), end(dev, "bart@example.com")); err != nil {
			t.Fatal(name, err)
		}
		kept, err := f.Bounced(dev, "bart@example.com")
		disabled, _, err2 := f.BounceDisabled(dev, "anne@example.com", 10)
		if kept != nil || len(disabled) != 0 || err != nil || err2 != nil {
			t.Errorf("%s leaves %q, %v, %v, %v", name, kept, disabled, err, err2)
		}
		if _, err := f.AddMember(dev, gateway.Recipient{Path: "bart@example.com"}); err != nil {
			t.Fatal(err)
		}
		if row, err := f.Member(dev, "bart@example.com"); err != nil || row.Disabled != (name == "disable") {
			t.Errorf("%s, and added again: %+v, %v", name, row, err)
		}
		if err := f.EnableMember(dev, "bart@example.com"); err != nil {
			t.Fatal(err)
		}
	}
}

// A member whose record is damaged gets no mail; the others do.
func TestDamagedMember(t *testing.T) {
	f := open(t, store.NewMemory())
	f.create(t, "dev@lists.example.com", "anne@example.com", "bart@example.com", "carl@example.com")
	var b store.Batch
	b.Set(memberKey(dev, "bart@example.com"), []byte("damaged"))
	if err := f.db.Commit(&b); err != nil {
		t.Fatal(err)
	}
	if got := f.members(t, dev, 10); got != "anne@example.com carl@example.com" {
		t.Errorf("members: %s", got)
	}
	if err := f.ResetMember(dev, "bart@example.com"); err != nil {
		t.Fatal(err)
	}
	if got := f.members(t, dev, 10); got != "anne@example.com bart@example.com carl@example.com" {
		t.Errorf("mended: %s", got)
	}
}

// No number comes twice; a clean restart leaves no gap, a crash a small one.
func TestNextPost(t *testing.T) {
	f := open(t, store.NewMemory())
	f.create(t, "dev@lists.example.com")
	last := uint64(0)
	next := func(gap uint64) {
		t.Helper()
		n, err := f.NextPost(dev)
		if err != nil || n <= last || n > last+1+gap {
			t.Errorf("%d after %d: %v", n, last, err)
		}
		last = n
	}
	for range 250 {
		next(0)
	}
	f = f.restart(t)
	next(0)
	for _, keep := range []int{0, 50, 100} {
		f = open(t, f.disk.Crash(keep, 1))
		next(numbersReserved)
		next(0)
	}
}

// A list whose numbers are used up waits for a sync; no other list waits for it:
// here one that has some left takes its own during that sync.
func TestNextPostWaitsForNoOtherList(t *testing.T) {
	f := open(t, store.NewMemory())
	f.create(t, "dev@lists.example.com")
	ops := f.create(t, "ops@lists.example.com")
	if _, err := f.NextPost(ops); err != nil {
		t.Fatal(err)
	}
	other := errors.New("there was no sync")
	f.disk.BeforeWrite(func(op, _ string) error {
		if op != "sync" {
			return nil
		}
		taken := make(chan error, 1)
		go func() {
			_, err := f.NextPost(ops)
			taken <- err
		}()
		select {
		case other = <-taken:
		case <-time.After(10 * time.Second):
			other = errors.New("it waits for the sync")
		}
		return nil
	})
	_, err := f.NextPost(dev)
	f.disk.BeforeWrite(nil)
	if err != nil || other != nil {
		t.Errorf("%v; another list: %v", err, other)
	}
}

// A change of a member waits for a sync, and no change of another member for that:
// here one begins during the sync. Changes of the same member take turns.
func TestChangesOfMembersShareSyncs(t *testing.T) {
	f := open(t, store.NewMemory())
	f.create(t, "dev@lists.example.com", "anne@example.com", "bart@example.com")
	book := func(member gateway.ForwardPath, entered func()) error {
		return f.ChangeBounces(dev, member, func(row *MemberRow) {
			row.Score++
			entered()
		})
	}
	other := errors.New("there was no sync")
	var once sync.Once
	var group sync.WaitGroup
	f.disk.BeforeWrite(func(op, _ string) error {
		if op != "sync" {
			return nil
		}
		once.Do(func() {
			begun := make(chan struct{})
			group.Go(func() {
				if err := book("bart@example.com", func() { close(begun) }); err != nil {
					t.Error(err)
				}
			})
			select {
			case <-begun:
				other = nil
			case <-time.After(10 * time.Second):
				other = errors.New("it waits for the sync")
			}
		})
		return nil
	})
	err := book("anne@example.com", func() {})
	f.disk.BeforeWrite(nil)
	if err != nil || other != nil {
		t.Errorf("%v; another member: %v", err, other)
	}
	for range 20 {
		group.Go(func() {
			if err := book("anne@example.com", func() {}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if row, err := f.Member(dev, "anne@example.com"); err != nil || row.Score != 21 {
		t.Errorf("the score is %v: %v", row.Score, err)
	}
}

func TestToken(t *testing.T) {
	f := open(t, store.NewMemory())
	const token = "mfxgwzlnpfwgk5dt"
	if err := f.Remember(dev, "Anne@example.com", token); err != nil {
		t.Fatal(err)
	}
	if path, err := f.MemberByToken(dev, strings.ToUpper(token)); path != "Anne@example.com" || err != nil {
		t.Errorf("%s, %v", path, err)
	}
	for _, id := range []gateway.ListID{"de", "other.lists.example.com"} {
		if _, err := f.MemberByToken(id, token); !errors.Is(err, ErrUnknownMember) {
			t.Errorf("token of another list: %v", err)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	f := open(b, store.NewMemory())
	var lists []FileList
	for i := range 10_000 {
		lists = append(lists, fileList(fmt.Sprintf("list%d@lists.example.com", i)))
	}
	if err := f.SetFileLists(lists); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := f.Resolve(b.Context(), "list5000-bounces+anne=example.com@lists.example.com"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkImport adds members 10,000 at a time, on a real disk.
func BenchmarkImport(b *testing.B) {
	db, err := store.Open(store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	r, err := Open(Options{Store: db})
	if err != nil {
		b.Fatal(err)
	}
	if err := r.CreateList(gateway.List{Address: "dev@lists.example.com"}); err != nil {
		b.Fatal(err)
	}
	page, n := make([]gateway.Recipient, MembersPerCommitMax), 0
	for b.Loop() {
		for i := range page {
			n++
			page[i].Path = gateway.ForwardPath(fmt.Sprintf("member%d@example.com", n*7919%10_000_019))
		}
		if _, err := r.AddMembers(dev, page); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "members/s")
	begun := time.Now()
	if got, err := r.CountMembers(dev); err != nil || got != n {
		b.Fatalf("%d of %d members: %v", got, n, err)
	}
	b.ReportMetric(float64(n)/time.Since(begun).Seconds(), "read/s")
}
