package mta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// postmap is the command of a postmap that always works.
var postmap = []string{"/bin/sh", "testdata/postmap.sh"}

func newTree(t *testing.T) *Tree { return &Tree{Dir: filepath.Join(t.TempDir(), "mta")} }

func apply(t *testing.T, tree *Tree, files []gateway.File, o Options) Report {
	t.Helper()
	report, err := tree.Apply(t.Context(), files, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// holds returns the files of a tree without its records, as path -> content.
func holds(t *testing.T, tree *Tree) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(tree.Dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == tree.Dir {
			return err
		}
		if strings.HasPrefix(entry.Name(), reserved) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.Type().IsRegular() {
			data, err := os.ReadFile(name)
			relative, _ := filepath.Rel(tree.Dir, name)
			found[filepath.ToSlash(relative)] = string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func wantHolds(t *testing.T, tree *Tree, want map[string]string) {
	t.Helper()
	if got := holds(t, tree); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the tree holds\n%q, want\n%q", got, want)
	}
}

func TestApplyAndUndo(t *testing.T) {
	tree := newTree(t)
	first := []gateway.File{text("a", "1\n"), text("lists/dev", "dev\n"), text("same", "same\n")}
	second := []gateway.File{text("a", "2\n"), text("b", "b\n"), text("same", "same\n")}

	if r := apply(t, tree, first, Options{}); fmt.Sprint(r.Written, r.Removed) != "[a lists/dev same] []" {
		t.Errorf("first apply: %+v", r)
	}
	if r := apply(t, tree, first, Options{}); fmt.Sprint(r) != fmt.Sprint(Report{}) {
		t.Errorf("the same again: %+v", r)
	}
	if r := apply(t, tree, second, Options{}); fmt.Sprint(r.Written, r.Removed) != "[a b] [lists/dev]" {
		t.Errorf("second apply: %+v", r)
	}
	wantHolds(t, tree, map[string]string{"a": "2\n", "b": "b\n", "same": "same\n"})
	if _, err := os.Stat(filepath.Join(tree.Dir, "lists")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("an empty folder stayed:", err)
	}

	r, err := tree.Undo(t.Context(), Options{})
	if err != nil || fmt.Sprint(r.Written, r.Removed) != "[a lists/dev] [b]" {
		t.Errorf("undo: %+v, %v", r, err)
	}
	wantHolds(t, tree, map[string]string{"a": "1\n", "lists/dev": "dev\n", "same": "same\n"})
	if state, err := tree.State(); !state.Pinned || err != nil {
		t.Errorf("after undo: %+v, %v", state, err)
	}
	if _, err := tree.Undo(t.Context(), Options{}); err != nil {
		t.Error(err)
	}
	wantHolds(t, tree, map[string]string{"a": "2\n", "b": "b\n", "same": "same\n"})
	apply(t, tree, second, Options{})
	if state, _ := tree.State(); state.Pinned {
		t.Error("apply left the pin")
	}
}

func TestUndoNothing(t *testing.T) {
	tree := newTree(t)
	if _, err := tree.Undo(t.Context(), Options{}); !errors.Is(err, ErrNoGeneration) {
		t.Error("no directory:", err)
	}
	apply(t, tree, nil, Options{})
	if _, err := tree.Undo(t.Context(), Options{}); !errors.Is(err, ErrNoGeneration) {
		t.Error("no generation:", err)
	}
}

func TestDiff(t *testing.T) {
	tree := newTree(t)
	first := []gateway.File{text("a", "1\n"), text("postfix_lmtp", "x\n")}
	second := []gateway.File{text("a", "2\n"), text("b", "b\n")}
	wantDiff := func(when string, files []gateway.File, want string) {
		t.Helper()
		if got, err := tree.Diff(files); got != want || err != nil {
			t.Errorf("%s: %v\n%s", when, err, got)
		}
	}
	wantDiff("before all", second[1:], "--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n+b\n")
	if _, err := os.Stat(tree.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("diff made the directory:", err)
	}
	apply(t, tree, first, Options{FileType: "hash", Postmap: postmap})
	wantDiff("nothing changed", first, "")
	wantDiff("all kinds", second, "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n"+
		"--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n+b\n"+
		"--- a/postfix_lmtp\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n")
	if _, err := tree.Diff([]gateway.File{text("../a", "")}); !errors.Is(err, ErrRender) {
		t.Error(err)
	}
}

func TestManifestIsForSha256sum(t *testing.T) {
	tree := newTree(t)
	apply(t, tree, []gateway.File{text("a", "1\n"), text("lists/dev", "")}, Options{})
	if _, err := exec.LookPath("sha256sum"); err == nil {
		cmd := exec.Command("sha256sum", "--check", "--strict", manifestName)
		cmd.Dir = tree.Dir
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, output)
		}
	}
	info, err := os.Stat(tree.Dir)
	if err != nil || info.Mode().Perm() != dirMode {
		t.Error("the directory is not readable by all:", info.Mode(), err)
	}
}

func TestApplyKeepsModeAndOwner(t *testing.T) {
	tree := newTree(t)
	apply(t, tree, []gateway.File{text("a", "1\n")}, Options{})
	name := filepath.Join(tree.Dir, "a")
	want := owner{os.Geteuid(), os.Getegid(), 0o640}
	if os.Geteuid() == 0 {
		want.uid, want.gid = 4711, 4712
	}
	if err := errors.Join(os.Chown(name, want.uid, want.gid), os.Chmod(name, want.mode)); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{"2\n", "3\n"} {
		apply(t, tree, []gateway.File{text("a", data)}, Options{})
		info, err := os.Stat(name)
		if err != nil || ownerOf(info) != want {
			t.Errorf("owner is %+v, want %+v (%v)", ownerOf(info), want, err)
		}
	}
}

func TestApplyExcludesOthers(t *testing.T) {
	tree := newTree(t)
	var writers sync.WaitGroup
	for n := range 4 {
		files := []gateway.File{text("a", fmt.Sprint(n)), text("b", fmt.Sprint(n)), text(fmt.Sprint("only-", n), "")}
		writers.Go(func() {
			for range 5 {
				other := Tree{Dir: tree.Dir}
				if _, err := other.Apply(t.Context(), files, Options{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	got := holds(t, tree)
	if _, alone := got["only-"+got["a"]]; len(got) != 3 || got["a"] != got["b"] || !alone {
		t.Errorf("files of several writers: %q", got)
	}
}

func TestApplyBusy(t *testing.T) {
	tree := newTree(t)
	s, err := (&Tree{Dir: t.TempDir()}).begin(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	tree.Dir = s.root.Name()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := tree.Apply(ctx, nil, Options{}); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
}

func manyFiles(lists int, without int) []gateway.File {
	return []gateway.File{
		{Path: "postfix_domains", Mode: 0o644, Data: []byte("lists.example.com lists.example.com\n")},
		{Path: "postfix_lmtp", Mode: 0o644, Data: slices.Repeat(bigMap(lists, without), 9)},
	}
}

// One list changes among 10,000.
func BenchmarkApply(b *testing.B) {
	tree := &Tree{Dir: filepath.Join(b.TempDir(), "mta")}
	o := Options{FileType: "hash", Postmap: []string{"/bin/sh", "-c", `cp "${0#*:}" "${0#*:}.db"`}}
	n := 0
	for b.Loop() {
		n++
		if _, err := tree.Apply(b.Context(), manyFiles(10_000, n), o); err != nil {
			b.Fatal(err)
		}
	}
}

// 10,000 files of their own, as Exim's lists are, appear at once.
func BenchmarkApplyManyFiles(b *testing.B) {
	var files []gateway.File
	for i := range 10_000 {
		files = append(files, text(fmt.Sprintf("lists/list-%d.example.com/receipt", i), ""))
	}
	for b.Loop() {
		tree := &Tree{Dir: filepath.Join(b.TempDir(), "mta")}
		if _, err := tree.Apply(b.Context(), files, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
