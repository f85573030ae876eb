package roster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// fixture is a roster on a disk in memory.
type fixture struct {
	*Roster
	db   *store.Store
	disk *store.Memory
}

func open(t testing.TB, disk *store.Memory) *fixture {
	t.Helper()
	db, err := store.Open(store.Options{Dir: "/state/db", FS: disk.FS()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	r, err := Open(Options{Store: db})
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{r, db, disk}
}

func (f *fixture) restart(t testing.TB) *fixture {
	t.Helper()
	if err := errors.Join(f.Close(), f.db.Close()); err != nil {
		t.Fatal(err)
	}
	return open(t, f.disk)
}

func fileList(address string, members ...string) FileList {
	l := FileList{List: gateway.List{ID: gateway.NewListID(gateway.ForwardPath(address)), Address: gateway.ForwardPath(address), Line: 3}}
	for _, m := range members {
		l.Members = append(l.Members, gateway.Recipient{Path: gateway.ForwardPath(m), Name: "from file"})
	}
	return l
}

func (f *fixture) create(t testing.TB, address string, members ...string) gateway.ListID {
	t.Helper()
	if err := f.CreateList(gateway.List{Address: gateway.ForwardPath(address)}); err != nil {
		t.Fatal(err)
	}
	id := gateway.NewListID(gateway.ForwardPath(address))
	for _, m := range members {
		if _, err := f.AddMember(id, gateway.Recipient{Path: gateway.ForwardPath(m)}); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// rows are the members of a list as `member ls` shows them, page by page.
func (f *fixture) rows(t testing.TB, id gateway.ListID) string {
	t.Helper()
	var all []string
	for after, more := gateway.Cursor(""), true; more; more = after != "" {
		rows, next, err := f.MemberRows(id, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			all = append(all, fmt.Sprintf("%s %s %s", row.Path, row.State(), row.Source))
		}
		after = next
	}
	return strings.Join(all, "\n")
}

// members are those that get a post, in pages of a size.
func (f *fixture) members(t testing.TB, id gateway.ListID, limit int) string {
	t.Helper()
	var all []string
	for after, more := gateway.Cursor(""), true; more; more = after != "" {
		page, next, err := f.Members(id, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > limit {
			t.Fatalf("%d members in a page of %d", len(page), limit)
		}
		for _, m := range page {
			all = append(all, string(m.Path))
		}
		after = next
	}
	return strings.Join(all, " ")
}

func TestResolve(t *testing.T) {
	f := open(t, store.NewMemory())
	dev := fileList("Dev@lists.example.com")
	dev.List.AliasDomain = "mail.example.com"
	if err := f.SetFileLists([]FileList{dev, fileList("dev-owner@lists.example.com"), fileList("a-b@lists.example.com")}); err != nil {
		t.Fatal(err)
	}
	f.create(t, "run@lists.example.com")
	f.SetForwards(map[string][]string{"mm3": {"MM3.example.com", "lists.example.org"}})
	for path, want := range map[string]string{
		"dev@lists.example.com":                              "post dev.lists.example.com",
		"DEV@lists.example.com":                              "post dev.lists.example.com",
		"dev+anything@lists.example.com":                     "post dev.lists.example.com",
		"dev@mail.example.com":                               "post dev.lists.example.com",
		"dev-Leave@mail.example.com":                         "leave dev.lists.example.com",
		"dev-owner@lists.example.com":                        "post dev-owner.lists.example.com",
		"dev-owner-owner@lists.example.com":                  "owner dev-owner.lists.example.com",
		"dev-owner@mail.example.com":                         "owner dev.lists.example.com",
		"dev-bounces+Anne=example.org@lists.example.com":     "bounces dev.lists.example.com Anne=example.org",
		"dev-bounces+a+b=example.org@lists.example.com":      "bounces dev.lists.example.com a+b=example.org",
		"dev-confirm+0123@lists.example.com":                 "confirm dev.lists.example.com 0123",
		"dev-join+x@lists.example.com":                       "join dev.lists.example.com",
		"dev-subscribe@lists.example.com":                    "join dev.lists.example.com",
		"dev-unsubscribe@lists.example.com":                  "leave dev.lists.example.com",
		"dev-request@lists.example.com":                      "request dev.lists.example.com",
		"a-b-bounces@lists.example.com":                      "bounces a-b.lists.example.com",
		"run-owner@lists.example.com":                        "owner run.lists.example.com",
		"x@mm3.example.com":                                  "forward mm3",
		"dev@lists.example.org":                              "forward mm3",
		"dev-admin@lists.example.com":                        "",
		"a@lists.example.com":                                "",
		"-owner@lists.example.com":                           "",
		"+x@lists.example.com":                               "",
		"run@mail.example.com":                               "",
		"postmaster@lists.example.com":                       "",
		"\"dev+x\"@lists.example.com":                        "",
		"dev@example.com":                                    "",
		"lists.example.com":                                  "",
		"":                                                   "",
		"dev-bounces@lists.example.com.":                     "",
		"dev@lists.example.com@lists.example.com":            "",
		strings.Repeat("x", 60) + "-owner@lists.example.com": "",
	} {
		if got := f.resolved(t, path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// TestResolveByHyphen: under the delimiter "-" a list with a hyphen in its name
// is reached, and so are the services of one without.
func TestResolveByHyphen(t *testing.T) {
	f := open(t, store.NewMemory())
	f.delimiter = "-"
	for _, list := range []string{"dev@lists.example.com", "dev-ops@lists.example.com", "x-bounces@lists.example.com", "x@lists.example.com"} {
		f.create(t, list)
	}
	for path, want := range map[string]string{
		"dev":                             "post dev.lists.example.com",
		"Dev-Ops":                         "post dev-ops.lists.example.com",
		"dev-owner":                       "owner dev.lists.example.com",
		"dev-ops-owner":                   "owner dev-ops.lists.example.com",
		"dev-bounces":                     "bounces dev.lists.example.com",
		"dev-bounces-Anne=example.org":    "bounces dev.lists.example.com Anne=example.org",
		"dev-bounces-a-b=c-d.example.org": "bounces dev.lists.example.com a-b=c-d.example.org",
		"dev-ops-Bounces-x":               "bounces dev-ops.lists.example.com x",
		"dev-confirm-0123":                "confirm dev.lists.example.com 0123",
		"dev-bounces-y-confirm-x":         "bounces dev.lists.example.com y-confirm-x",
		"x-bounces":                       "post x-bounces.lists.example.com",
		"x-bounces-owner":                 "owner x-bounces.lists.example.com",
		"x-bounces-bounces-y":             "bounces x-bounces.lists.example.com y",
		"x-bounces-y":                     "bounces x.lists.example.com y",
		"dev-anything":                    "",
		"dev-owner-x":                     "",
		"dev-":                            "",
		"-bounces-x":                      "",
		"-":                               "",
		"dev+x":                           "",
	} {
		if got := f.resolved(t, path+"@lists.example.com"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// resolved is the service of an address, its list or forward route, and the
// detail.
func (f *fixture) resolved(t *testing.T, path string) string {
	t.Helper()
	route, err := f.Resolve(t.Context(), gateway.ForwardPath(path))
	got := string(route.Service) + " " + route.Forward
	if route.List != nil {
		got += string(route.List.ID)
	}
	got = strings.TrimSpace(got + " " + route.Detail)
	if (got == "") != errors.Is(err, gateway.ErrUnknownRecipient) {
		t.Errorf("%s: %v", path, err)
	}
	return got
}

func TestCreateList(t *testing.T) {
	f := open(t, store.NewMemory())
	file := fileList("file@lists.example.com")
	file.List.AliasDomain = "alias.example.com"
	if err := f.SetFileLists([]FileList{file}); err != nil {
		t.Fatal(err)
	}
	f.create(t, "a.b@c.example.com")
	for address, want := range map[string]error{
		"file@lists.example.com":             ErrListExists,
		"file@alias.example.com":             ErrListExists,
		"A.b@c.example.com":                  ErrListExists,
		"a@b.c.example.com":                  ErrListExists, // the same id
		"a+b@c.example.com":                  ErrListName,
		"a/b@c.example.com":                  ErrListName,
		"-ab@c.example.com":                  ErrListName,
		"|ab@c.example.com":                  ErrListName,
		".ab@c.example.com":                  ErrListName,
		"\"a b\"@c.example.com":              ErrListName,
		"a b@c.example.com":                  ErrListName,
		"ab@C.example.com":                   ErrListName,
		"ab":                                 ErrListName,
		strings.Repeat("x", 53) + "@c.co":    ErrListName,
		strings.Repeat("x", 52) + "@c.co":    nil,
		"file-owner@lists.example.com":       nil,
		"file-owner-owner@lists.example.com": nil,
	} {
		if err := f.CreateList(gateway.List{Address: gateway.ForwardPath(address)}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
}

func TestChangeList(t *testing.T) {
	f := open(t, store.NewMemory())
	id := f.create(t, "run@lists.example.com", "anne@example.com")
	list, err := f.List(id)
	if err != nil {
		t.Fatal(err)
	}
	changed := *list
	changed.Posting, changed.Owners = gateway.PostingModerated, []gateway.ForwardPath{"bart@example.com"}
	changed.Config = map[string]any{"prefix": "[run]"}
	changed.Address, changed.AliasDomain = "other@lists.example.com", "alias.example.com" // which stay
	if err := f.ChangeList(changed); err != nil {
		t.Fatal(err)
	}
	if list.Posting == gateway.PostingModerated {
		t.Error("what was given out has changed")
	}
	for range 2 {
		got, err := f.List(id)
		if err != nil || got.Posting != gateway.PostingModerated || len(got.Owners) != 1 || got.Address != "run@lists.example.com" || got.AliasDomain != "" || got.Config["prefix"] != "[run]" {
			t.Errorf("%+v, %v", got, err)
		}
		route, err := f.Resolve(t.Context(), "run-owner@lists.example.com")
		if err != nil || route.List.Owners[0] != "bart@example.com" {
			t.Errorf("%+v, %v", route, err)
		}
		if got := f.members(t, id, 10); got != "anne@example.com" {
			t.Errorf("members: %s", got)
		}
		f = f.restart(t)
	}
	if err := f.DeleteList(id); err != nil {
		t.Fatal(err)
	}
	if err := f.ChangeList(changed); !errors.Is(err, gateway.ErrUnknownList) {
		t.Errorf("one that is gone: %v", err)
	}
	if err := f.SetFileLists([]FileList{fileList("file@lists.example.com")}); err != nil {
		t.Fatal(err)
	}
	if err := f.ChangeList(gateway.List{ID: "file.lists.example.com"}); !errors.Is(err, ErrFileList) {
		t.Errorf("one of the file: %v", err)
	}
}

func TestListsOutlastTheProcess(t *testing.T) {
	f := open(t, store.NewMemory())
	id := f.create(t, "run@lists.example.com", "anne@example.com")
	gone := f.create(t, "gone@lists.example.com", "anne@example.com")
	if err := f.SetFileLists([]FileList{fileList("file@lists.example.com", "anne@example.com")}); err != nil {
		t.Fatal(err)
	}
	if err := f.DeleteList("file.lists.example.com"); !errors.Is(err, ErrFileList) || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("delete a list of the file: %v", err)
	}
	if err := f.DeleteList(gone); err != nil {
		t.Fatal(err)
	}
	f = f.restart(t)
	if got := f.members(t, id, 10); got != "anne@example.com" {
		t.Errorf("members: %s", got)
	}
	for _, id := range []gateway.ListID{"file.lists.example.com", gone} { // the file is not read yet
		if _, err := f.List(id); err != nil {
			t.Errorf("a list that may have mail queued: %v", err)
		}
		if _, _, err := f.Members(id, "", 10); !errors.Is(err, gateway.ErrUnknownList) {
			t.Errorf("members of a list that is gone: %v", err)
		}
		if err := f.DeleteList(id); !errors.Is(err, gateway.ErrUnknownList) {
			t.Errorf("delete again: %v", err)
		}
	}
	var all []string
	for l := range f.Lists() {
		all = append(all, string(l.Address), l.Source)
	}
	if got := strings.Join(all, " "); got != "run@lists.example.com store" {
		t.Errorf("lists: %s", got)
	}
	if err := f.CreateList(gateway.List{Address: "gone@lists.example.com"}); err != nil {
		t.Errorf("make it again: %v", err)
	}
	if got := f.members(t, gone, 10); got != "" {
		t.Errorf("the new list has members of the old one: %s", got)
	}
}

// A list that the file names no more accepts nothing, and its mail goes on.
func TestListLeavesTheFile(t *testing.T) {
	f := open(t, store.NewMemory())
	f.create(t, "run@lists.example.com")
	old := fileList("old@lists.example.com", "anne@example.com")
	if err := f.SetFileLists([]FileList{old}); err != nil {
		t.Fatal(err)
	}
	if err := f.SetFileLists([]FileList{fileList("new@lists.example.com"), fileList("run@lists.example.com")}); !errors.Is(err, ErrListExists) {
		t.Fatalf("a list of the store in the file: %v", err)
	}
	if _, err := f.Resolve(context.Background(), "old@lists.example.com"); err != nil {
		t.Errorf("a file that is refused changes the lists: %v", err)
	}
	if err := f.SetFileLists(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Resolve(context.Background(), "old@lists.example.com"); !errors.Is(err, gateway.ErrUnknownRecipient) {
		t.Errorf("a list that is gone accepts mail: %v", err)
	}
	if got := f.members(t, "old.lists.example.com", 10); got != "anne@example.com" {
		t.Errorf("its members: %s", got)
	}
	if err := f.SetFileLists([]FileList{old}); err != nil {
		t.Errorf("it comes back: %v", err)
	}
}

func TestOverlaps(t *testing.T) {
	dev := gateway.List{Address: "Dev@lists.example.com", AliasDomain: "alias.example.com"}
	var got []string
	for _, o := range Overlaps([]gateway.List{
		{Address: "dev-join@lists.example.com"}, dev, {Address: "Dev-Owner@alias.example.com"},
		{Address: "dev-leave@elsewhere.example.com"}, {Address: "run-join@lists.example.com"}, {Address: "dev-joiners@lists.example.com"},
	}) {
		got = append(got, o.String())
	}
	want := []string{
		"dev-join@lists.example.com takes what comes to the -join address of Dev@lists.example.com",
		"Dev-Owner@alias.example.com takes what comes to the -owner address of Dev@lists.example.com",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// One list has the same overlaps as the look through all of them finds.
func TestOverlapsOf(t *testing.T) {
	f := open(t, store.NewMemory())
	for _, address := range []string{"dev-join@lists.example.com", "Dev@lists.example.com", "dev-owner@lists.example.com", "dev@elsewhere.example.com"} {
		f.create(t, address)
	}
	for id, want := range map[string][]string{
		"dev.lists.example.com": {
			"dev-join@lists.example.com takes what comes to the -join address of Dev@lists.example.com",
			"dev-owner@lists.example.com takes what comes to the -owner address of Dev@lists.example.com",
		},
		"dev-join.lists.example.com": {"dev-join@lists.example.com takes what comes to the -join address of Dev@lists.example.com"},
		"dev.elsewhere.example.com":  nil,
	} {
		list, err := f.Find(id)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range f.OverlapsOf(list) {
			got = append(got, o.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", id, got)
		}
	}
}

func TestFind(t *testing.T) {
	f := open(t, store.NewMemory())
	gone := f.create(t, "gone@lists.example.com")
	if err := errors.Join(f.CreateList(gateway.List{Address: "Dev@lists.example.com", AliasDomain: "mx.example.com"}), f.DeleteList(gone)); err != nil {
		t.Fatal(err)
	}
	for name, found := range map[string]bool{
		"dev@LISTS.example.com": true, "Dev.lists.example.com": true, "dev@mx.example.com": true,
		"dev-join@lists.example.com": false, "gone@lists.example.com": false, "gone.lists.example.com": false, "": false,
	} {
		if _, err := f.Find(name); found != (err == nil) || err != nil && !errors.Is(err, gateway.ErrUnknownList) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
