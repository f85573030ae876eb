package mta

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// The two generations of the crash tests: every kind of change is among them.
var (
	oldFiles   = []gateway.File{text("a", "old\n"), text("lists/gone", "old\n"), text("postfix_lmtp", "old\n"), text("same", "s\n"), text("sub/b", "old\n")}
	newFiles   = []gateway.File{text("a", "new\n"), text("lists2/come", "new\n"), text("postfix_lmtp", "new\n"), text("same", "s\n"), text("sub/b", "new\n")}
	oldContent = map[string]string{"a": "old\n", "lists/gone": "old\n", "postfix_lmtp": "old\n", "postfix_lmtp.db": compiled("old\n"), "same": "s\n", "sub/b": "old\n"}
	newContent = map[string]string{"a": "new\n", "lists2/come": "new\n", "postfix_lmtp": "new\n", "postfix_lmtp.db": compiled("new\n"), "same": "s\n", "sub/b": "new\n"}
	hashed     = Options{FileType: "hash", Postmap: postmap}
)

var errInjected = errors.New("injected")

// failAt makes the nth operation fail; all that follow fail too where the
// process is to look dead. It returns how to ask whether n was reached.
func failAt(tree *Tree, n int, dead bool) (reached func() bool) {
	count := 0
	tree.step = func(string, string) error {
		count++
		if count == n || dead && count > n {
			return errInjected
		}
		return nil
	}
	return func() bool { return count >= n }
}

// wantWhole checks that each file is as in the old tree or as in the new one.
func wantWhole(t *testing.T, tree *Tree) {
	t.Helper()
	for p, data := range holds(t, tree) {
		before, was := oldContent[p]
		after, is := newContent[p]
		if !(was && data == before) && !(is && data == after) {
			t.Errorf("%s is %q", p, data)
		}
	}
	for p := range oldContent {
		if _, stays := newContent[p]; stays && holds(t, tree)[p] == "" {
			t.Errorf("%s is gone", p)
		}
	}
}

// Apply is cut off, or meets a failing disk, at each operation in turn. Each
// file is whole then; the next Apply makes the new generation complete, and
// Undo after it returns the old one.
func TestApplyFailsAtEachStep(t *testing.T) {
	for _, dead := range []bool{true, false} {
		for n := 1; ; n++ {
			tree := newTree(t)
			apply(t, tree, oldFiles, hashed)
			reached := failAt(tree, n, dead)
			_, err := tree.Apply(t.Context(), newFiles, hashed)
			tree.step = nil
			if !reached() {
				break
			}
			if dead && !errors.Is(err, errInjected) {
				t.Errorf("step %d: error is %v", n, err)
			}
			if err != nil && !strings.Contains(err.Error(), tree.Dir) {
				t.Errorf("step %d: the error does not say where: %v", n, err)
			}
			wantWhole(t, tree)
			apply(t, tree, newFiles, hashed)
			wantHolds(t, tree, newContent)
			if state, err := tree.State(); state != (State{}) || err != nil {
				t.Errorf("state %+v, %v", state, err)
			}
			if _, err := tree.Undo(t.Context(), hashed); err != nil {
				t.Error(err)
			}
			wantHolds(t, tree, oldContent)
			if t.Failed() {
				t.Fatalf("at step %d, dead %v", n, dead)
			}
		}
	}
}

// Where another generation follows one that was cut off, Undo returns what was
// there before the cut: a state that was never whole is none to return to.
func TestUndoSkipsTheUnfinished(t *testing.T) {
	third := slices.Clone(newFiles)
	third[3] = text("same", "third\n")
	for n := 1; ; n++ {
		tree := newTree(t)
		apply(t, tree, oldFiles, Options{})
		reached := failAt(tree, n, true)
		_, _ = tree.Apply(t.Context(), newFiles, Options{})
		tree.step = nil
		if !reached() {
			break
		}
		want := oldContent
		if state, _ := tree.State(); !state.Unfinished && holds(t, tree)["a"] == "new\n" {
			want = newContent
		}
		apply(t, tree, third, Options{})
		if _, err := tree.Undo(t.Context(), Options{}); err != nil {
			t.Fatal(err)
		}
		got := holds(t, tree)
		got["postfix_lmtp.db"] = want["postfix_lmtp.db"]
		if !maps.Equal(got, want) {
			t.Fatalf("step %d: holds %q", n, got)
		}
	}
}

// The same for Undo: done again, it gives one of the two generations, whole.
func TestUndoFailsAtEachStep(t *testing.T) {
	for n := 1; ; n++ {
		tree := newTree(t)
		apply(t, tree, oldFiles, hashed)
		apply(t, tree, newFiles, hashed)
		reached := failAt(tree, n, true)
		_, err := tree.Undo(t.Context(), hashed)
		tree.step = nil
		if !reached() {
			break
		}
		if !errors.Is(err, errInjected) {
			t.Errorf("error is %v", err)
		}
		wantWhole(t, tree)
		if _, err := tree.Undo(t.Context(), hashed); err != nil {
			t.Error(err)
		}
		if got := holds(t, tree); !maps.Equal(got, oldContent) && !maps.Equal(got, newContent) {
			t.Errorf("holds %q", got)
		}
		if t.Failed() {
			t.Fatalf("at step %d", n)
		}
	}
}

// A reload that was cut off together with its process is due.
func TestReloadDueAfterCrash(t *testing.T) {
	o := Options{Reload: "true"}
	for n := 1; ; n++ {
		tree := newTree(t)
		apply(t, tree, oldFiles[:1], o)
		reached := failAt(tree, n, true)
		_, _ = tree.Apply(t.Context(), newFiles[:1], o)
		tree.step = nil
		if !reached() {
			break
		}
		changed := holds(t, tree)["a"] == "new\n"
		state, err := tree.State()
		if err != nil {
			t.Fatal(err)
		}
		if r := apply(t, tree, newFiles[:1], o); changed && state.ReloadDue && !r.Reloaded || !changed && !r.Reloaded {
			t.Errorf("step %d: changed %v, %+v, then %+v", n, changed, state, r)
		}
	}
}

// A power cut forgets what was not synced. So every file is synced before it
// is renamed into its place, and its folder before the manifest says that all
// is done.
func TestApplySyncsBeforeItRelies(t *testing.T) {
	tree := newTree(t)
	apply(t, tree, oldFiles, hashed)
	var log []string
	tree.step = func(operation, name string) error {
		log = append(log, operation+" "+name)
		return nil
	}
	apply(t, tree, newFiles, hashed)

	firstRename := slices.Index(log, "rename a")
	finished := lastIndex(log, "rename "+manifestName)
	for _, staged := range []string{"0-a", "1-come", "2-postfix_lmtp", "2-postfix_lmtp.db", "3-b"} {
		if at := slices.Index(log, "sync "+stagingName+"/"+staged); at < 0 || at > firstRename {
			t.Errorf("%s is not synced before files are replaced", staged)
		}
	}
	for dir, change := range map[string]string{".": "remove lists", "lists2": "rename lists2/come", "sub": "rename sub/b"} {
		changed, synced := slices.Index(log, change), 0
		for i, entry := range log[:finished] {
			if entry == "sync "+dir {
				synced = i
			}
		}
		if changed < 0 || synced < changed {
			t.Errorf("folder %s is not synced between %q and the manifest", dir, change)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(log, "\n"))
	}
}

func lastIndex(log []string, entry string) int {
	for i := range slices.Backward(log) {
		if log[i] == entry {
			return i
		}
	}
	return -1
}
