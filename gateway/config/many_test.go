//go:build !race

package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// TestManyMembers reads a million of them: a few seconds at most on a slow and
// busy machine, and little more memory than the addresses themselves need.
func TestManyMembers(t *testing.T) {
	if testing.Short() {
		t.Skip("a million members take seconds")
	}
	const count = 1_000_000
	var text bytes.Buffer
	for i := range count {
		fmt.Fprintf(&text, "member%07d@example%d.com\n", i, i%1000)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "m"), text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	text = bytes.Buffer{}
	start := time.Now()
	c, err := Parse(filepath.Join(dir, "mmgw.toml"), []byte(oneList+"members = \"m\"\n"), Options{Root: true})
	if err != nil || len(c.Lists[0].Members) != count {
		t.Fatal(err)
	}
	elapsed := time.Since(start)
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	t.Logf("%v, %s", elapsed, FormatSize(int64(m.HeapAlloc>>20)<<20))
	if limit := uint64(256 << 20); m.HeapAlloc > limit {
		t.Errorf("%d octets are kept", m.HeapAlloc)
	}
	if elapsed > 20*time.Second {
		t.Errorf("it took %v", elapsed)
	}
	runtime.KeepAlive(c)
}
