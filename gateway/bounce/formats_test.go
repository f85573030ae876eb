package bounce_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What mail systems write for people, each in testdata/formats: a file with a
// message for each system, between lines of "=== NAME: ADDRESS ACTION STATUS CLASS".
func TestFormats(t *testing.T) {
	files, err := filepath.Glob("testdata/formats/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range strings.Split("\n"+string(text), "\n=== ")[1:] {
			title, message, _ := strings.Cut(c, "\n")
			system, want, ok := strings.Cut(title, ": ")
			if !ok {
				t.Fatalf("%s, message %d: %q", name, i, title)
			}
			if got := findings(t, message); got != want {
				t.Errorf("%s, %s:\ngot  %q\nwant %q", name, system, got, want)
			}
		}
	}
}
