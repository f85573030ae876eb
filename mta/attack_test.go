package mta

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// trap is a tree with one file of ours beside a directory that must not change.
func trap(t *testing.T) (tree *Tree, outside string) {
	tree = newTree(t)
	outside = filepath.Join(filepath.Dir(tree.Dir), "outside")
	err := errors.Join(os.Mkdir(outside, 0o755), os.WriteFile(filepath.Join(outside, "a"), []byte("precious"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	apply(t, tree, []gateway.File{text("ours", "1\n"), text("sub/ours", "1\n")}, Options{})
	return tree, outside
}

func wantUntouched(t *testing.T, outside string) {
	t.Helper()
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 {
		t.Errorf("outside holds %v (%v)", entries, err)
	}
	if data, err := os.ReadFile(filepath.Join(outside, "a")); string(data) != "precious" {
		t.Errorf("outside/a is %q (%v)", data, err)
	}
}

// What stands in the way of a file, its folder or our records is refused
// before anything changes, and nothing is written through it.
func TestApplyRefuses(t *testing.T) {
	inTree := func(tree *Tree, name string) string { return filepath.Join(tree.Dir, name) }
	files := []gateway.File{text("a", "evil"), text("ours", "2\n"), text("sub/a", "evil"), text("sub/ours", "2\n")}
	for name, lay := range map[string]func(tree *Tree, outside string) error{
		"foreign file": func(tree *Tree, _ string) error {
			return os.WriteFile(inTree(tree, "a"), []byte("theirs"), 0o644)
		},
		"foreign file with the same text": func(tree *Tree, _ string) error {
			return os.WriteFile(inTree(tree, "a"), []byte("evil"), 0o644)
		},
		"link to a file":         func(tree *Tree, outside string) error { return os.Symlink(outside+"/a", inTree(tree, "a")) },
		"link to nothing":        func(tree *Tree, outside string) error { return os.Symlink(outside+"/b", inTree(tree, "a")) },
		"link inside":            func(tree *Tree, _ string) error { return os.Symlink("ours", inTree(tree, "a")) },
		"FIFO":                   func(tree *Tree, _ string) error { return syscall.Mkfifo(inTree(tree, "a"), 0o644) },
		"directory":              func(tree *Tree, _ string) error { return os.Mkdir(inTree(tree, "a"), 0o755) },
		"FIFO for our manifest":  func(tree *Tree, _ string) error { return exchange(inTree(tree, manifestName), fifo) },
		"link for our manifest":  func(tree *Tree, out string) error { return exchange(inTree(tree, manifestName), linkTo(out+"/a")) },
		"link for our file":      func(tree *Tree, out string) error { return exchange(inTree(tree, "ours"), linkTo(out+"/a")) },
		"FIFO for our file":      func(tree *Tree, _ string) error { return exchange(inTree(tree, "ours"), fifo) },
		"link for our folder":    func(tree *Tree, out string) error { return exchange(inTree(tree, "sub"), linkTo(out)) },
		"link to another folder": func(tree *Tree, _ string) error { return exchange(inTree(tree, "sub"), linkTo(".")) },
		"file for our folder":    func(tree *Tree, _ string) error { return exchange(inTree(tree, "sub"), plain) },
	} {
		tree, outside := trap(t)
		if err := lay(tree, outside); err != nil {
			t.Fatal(name, err)
		}
		before := holds(t, tree)
		if _, err := tree.Apply(t.Context(), files, Options{}); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: error is %v", name, err)
		}
		wantHolds(t, tree, before)
		wantUntouched(t, outside)
	}
}

// exchange puts something else where name is.
func exchange(name string, with func(name string) error) error {
	return errors.Join(os.RemoveAll(name), with(name))
}

func fifo(name string) error  { return syscall.Mkfifo(name, 0o644) }
func plain(name string) error { return os.WriteFile(name, nil, 0o644) }
func linkTo(target string) func(string) error {
	return func(name string) error { return os.Symlink(target, name) }
}

// Our own working names are ours whatever stands there: it is removed, and
// what a link points to stays.
func TestApplyClearsWorkingNames(t *testing.T) {
	for _, working := range []string{stagingName, keepingName, previousName} {
		for name, with := range map[string]func(string) error{"FIFO": fifo, "file": plain, "link": nil} {
			tree, outside := trap(t)
			if with == nil {
				with = linkTo(outside)
			}
			if err := exchange(filepath.Join(tree.Dir, working), with); err != nil {
				t.Fatal(err)
			}
			r := apply(t, tree, []gateway.File{text("a", "new"), text("ours", "2\n")}, Options{})
			if len(r.Written) != 2 {
				t.Errorf("%s at %s: %+v", name, working, r)
			}
			wantUntouched(t, outside)
		}
	}
}

// The directory is exchanged for a link after it was opened: what is written
// goes where the check was, not where the link leads.
func TestApplyDirectorySwapped(t *testing.T) {
	tree, outside := trap(t)
	aside := tree.Dir + ".aside"
	tree.step = func(operation, name string) error {
		if operation == "rename" && name == "a" {
			return errors.Join(os.Rename(tree.Dir, aside), os.Symlink(outside, tree.Dir))
		}
		return nil
	}
	apply(t, tree, []gateway.File{text("a", "new")}, Options{})
	wantUntouched(t, outside)
	if data, err := os.ReadFile(filepath.Join(aside, "a")); string(data) != "new" {
		t.Errorf("a is %q (%v)", data, err)
	}
}

// A folder is exchanged for a link between the check and the rename.
func TestApplyFolderSwapped(t *testing.T) {
	tree, outside := trap(t)
	tree.step = func(operation, name string) error {
		if operation == "rename" && name == "sub/a" {
			return exchange(filepath.Join(tree.Dir, "sub"), linkTo(outside))
		}
		return nil
	}
	if _, err := tree.Apply(t.Context(), []gateway.File{text("sub/a", "evil")}, Options{}); err == nil {
		t.Error("no error")
	}
	wantUntouched(t, outside)
}

func TestUndoRefusesForeign(t *testing.T) {
	tree, outside := trap(t)
	apply(t, tree, nil, Options{})
	name := filepath.Join(tree.Dir, "ours")
	if err := os.WriteFile(name, []byte("theirs"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Undo(t.Context(), Options{}); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	wantHolds(t, tree, map[string]string{"ours": "theirs"})
	wantUntouched(t, outside)
}

func TestParseManifest(t *testing.T) {
	m := manifest{sums: map[string]string{"a": sumOf(nil), "b/c  d": outdated}, State: State{Unfinished: true, Pinned: true}}
	got, err := parseManifest(m.text())
	if err != nil || string(got.text()) != string(m.text()) || got.State != m.State {
		t.Errorf("%+v, %v", got, err)
	}
	for _, line := range []string{"x", sumOf(nil), sumOf(nil) + "  ../a", sumOf(nil) + "  /etc/passwd", "00  a", sumOf(nil) + "  a\x00"} {
		if _, err := parseManifest([]byte(line + "\n")); !errors.Is(err, ErrRefused) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(manifestTitle + "\n# unfinished\n" + sumOf(nil) + "  lists/dev\n"))
	f.Add([]byte(outdated + "  ../../etc/passwd\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text)
		if err != nil {
			return
		}
		for p := range m.sums {
			if !fs.ValidPath(p) {
				t.Errorf("takes %q", p)
			}
		}
		again, err := parseManifest(m.text())
		if err != nil || string(again.text()) != string(m.text()) {
			t.Errorf("does not read what it wrote: %v", err)
		}
	})
}
