// Package writertest holds the cases of the built-in configuration writers:
// txtar archives of an inventory in short and of the files that are to come
// out. The same cases are run natively and against the .wasm.
package writertest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/mmgw/mmgw/gateway"
)

// Case is one archive: an "inventory" section, and either the files expected
// or an "error" section. An inventory has lines
//
//	gateway COLUMN=VALUE ...
//	list ADDRESS [ALIAS-DOMAIN]
//	forward DOMAIN TO
type Case struct {
	Name      string
	Inventory gateway.Inventory
	Files     []gateway.File // Mode is not in the archive
	Err       string

	path    string
	archive *txtar.Archive
}

// Load reads the archives of a folder.
func Load(t testing.TB, dir string) []Case {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases in %s: %v", dir, err)
	}
	var cases []Case
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c := Case{Name: strings.TrimSuffix(filepath.Base(path), ".txtar"), path: path, archive: archive}
		for _, f := range archive.Files {
			switch text := string(f.Data); f.Name {
			case "inventory":
				c.Inventory = parse(t, text)
			case "error":
				c.Err = strings.TrimSpace(text)
			default:
				c.Files = append(c.Files, gateway.File{Path: f.Name, Data: f.Data})
			}
		}
		cases = append(cases, c)
	}
	return cases
}

// Check compares what a writer rendered with the case. With UPDATE=1 in the
// environment it rewrites the archive instead.
func (c *Case) Check(t testing.TB, files []gateway.File, err error) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		c.update(t, files, err)
		return
	}
	if got := errorText(err); !strings.HasSuffix(got, c.Err) || (got == "") != (c.Err == "") {
		t.Fatalf("error %q, want %q", got, c.Err)
	}
	got := map[string]string{}
	for _, f := range files {
		got[f.Path] = string(f.Data)
	}
	for _, want := range c.Files {
		if text, ok := got[want.Path]; !ok {
			t.Errorf("%s is missing", want.Path)
		} else if text != string(want.Data) {
			t.Errorf("%s:\n%s\nwant:\n%s", want.Path, text, want.Data)
		}
		delete(got, want.Path)
	}
	for path := range got {
		t.Errorf("%s is not in the case", path)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (c *Case) update(t testing.TB, files []gateway.File, err error) {
	t.Helper()
	kept := c.archive.Files[:0]
	for _, f := range c.archive.Files {
		if f.Name == "inventory" {
			kept = append(kept, f)
		}
	}
	slices.SortFunc(files, func(a, b gateway.File) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range files {
		kept = append(kept, txtar.File{Name: f.Path, Data: f.Data})
	}
	if err != nil {
		kept = append(kept, txtar.File{Name: "error", Data: []byte(err.Error() + "\n")})
	}
	c.archive.Files = kept
	if err := os.WriteFile(c.path, txtar.Format(c.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

func parse(t testing.TB, text string) gateway.Inventory {
	t.Helper()
	var b Builder
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "gateway":
			for _, word := range words[1:] {
				column, value, _ := strings.Cut(word, "=")
				b.Gateway(column, value)
			}
		case words[0] == "list" && len(words) > 1:
			b.List(words[1], strings.Join(words[2:], ""))
		case words[0] == "forward" && len(words) == 3:
			b.Forward(words[1], words[2])
		default:
			t.Fatalf("inventory line %q", line)
		}
	}
	return b.Inventory()
}

// Tables is the inventory as sdktest takes it.
func (c *Case) Tables() map[string][]map[string]string {
	tables := map[string][]map[string]string{}
	for name, table := range c.Inventory {
		for _, row := range gateway.RowsOf(table) {
			tables[name] = append(tables[name], row)
		}
	}
	return tables
}
