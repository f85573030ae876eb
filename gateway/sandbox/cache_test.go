package sandbox

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestCacheIsBounded: versions that were swapped out, and those of another
// compiler, do not stay for ever.
func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	for i, name := range []string{"old/first", "old/second", "new/third", "new/fourth"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, 100), 0o600); err != nil {
			t.Fatal(err)
		}
		at := now.Add(time.Duration(i) * time.Hour)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := trimCache(dir, 250); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(left) != 2 || filepath.Base(left[0]) != "fourth" || filepath.Base(left[1]) != "third" {
		t.Errorf("left %v, %v", left, err)
	}
}
