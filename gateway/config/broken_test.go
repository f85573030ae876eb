package config

import (
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected problems in testdata")

// TestBroken reads the broken configurations of testdata/broken and compares
// all that is said of them.
func TestBroken(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no broken configurations", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := problemsOf(t, archive)
			last := &archive.Files[len(archive.Files)-1]
			if last.Name != "problems" {
				t.Fatal("the archive does not end with the problems")
			}
			if got == string(last.Data) {
				return
			}
			if !*update {
				t.Fatalf("got:\n%swant:\n%s", got, last.Data)
			}
			last.Data = []byte(got)
			if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func problemsOf(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	files := map[string]string{}
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
	}
	opts := testOptions(files)
	_, err := Parse("mmgw.toml", []byte(files["mmgw.toml"]), opts)
	if err == nil {
		t.Fatal("no problem was found")
	}
	if _, ok := err.(Problems); !ok {
		t.Fatalf("the error is a %T", err)
	}
	return err.Error() + "\n"
}

// testOptions is a machine of its own: a few built-in plugins, and files that
// lie beside the configuration.
func testOptions(files map[string]string) Options {
	disk := fstest.MapFS{}
	for name, text := range files {
		disk[name] = &fstest.MapFile{Data: []byte(text)}
	}
	here, err := filepath.Abs(".")
	return Options{
		Known: func(name string) bool {
			return slices.Contains([]string{"postfix", "exim4", "deliver", "list-headers", "posting", "tag"}, name)
		},
		Hostname: func() (string, error) { return "mx.example.com", nil },
		Getenv:   func(name string) string { return map[string]string{"HOME": "/users/anne"}[name] },
		Open: func(path string) (io.ReadCloser, error) {
			name, relErr := filepath.Rel(here, path)
			if err != nil || relErr != nil || !fs.ValidPath(name) {
				return nil, fs.ErrNotExist
			}
			return disk.Open(name)
		},
	}
}
