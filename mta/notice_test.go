package mta

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// A table that an MTA holds open has no name left when it is replaced, though
// the generation before is kept: by that Postfix notices.
func TestReplacedTablesAreNoticed(t *testing.T) {
	tree := newTree(t)
	version := func(s string) []gateway.File { return []gateway.File{text("postfix_lmtp", s)} }
	names := func(f *os.File) uint64 {
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		return uint64(info.Sys().(*syscall.Stat_t).Nlink)
	}
	apply(t, tree, version("one"), Options{})
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"apply", func() error { _, err := tree.Apply(t.Context(), version("two"), Options{}); return err }},
		{"undo", func() error { _, err := tree.Undo(t.Context(), Options{}); return err }},
		{"apply after undo", func() error { _, err := tree.Apply(t.Context(), version("three"), Options{}); return err }},
	} {
		held, err := os.Open(filepath.Join(tree.Dir, "postfix_lmtp"))
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		if n := names(held); n != 1 {
			t.Errorf("before %s: %d names", step.name, n)
		}
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if n := names(held); n != 0 {
			t.Errorf("after %s: %d names", step.name, n)
		}
	}
}
