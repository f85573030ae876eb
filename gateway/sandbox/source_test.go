package sandbox

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The folders of modules for tests: each .wasm beside its source, and a
// SHA256SUMS of them all.
var moduleFolders = []string{"testdata", "meter/testdata", "../conformance/testdata"}

// sums is the SHA256SUMS of a folder, with the module of each source as
// compile gives it.
func sums(t *testing.T, folder string, compile func(source string) ([]byte, error)) string {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(folder, "*.wat"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("%s: no sources (%v)", folder, err)
	}
	var lines strings.Builder
	for _, source := range sources {
		wasm, err := compile(source)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&lines, "%x  %s\n", sha256.Sum256(wasm), filepath.Base(beside(source)))
	}
	return lines.String()
}

// beside is the module that is committed beside a source.
func beside(source string) string { return strings.TrimSuffix(source, ".wat") + ".wasm" }

// holdSums compares SHA256SUMS with what compile gives.
func holdSums(t *testing.T, compile func(source string) ([]byte, error)) {
	t.Helper()
	for _, folder := range moduleFolders {
		want, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		if got := sums(t, folder, compile); got != string(want) {
			t.Errorf("%s: SHA256SUMS is\n%s\nand should be\n%s", folder, want, got)
		}
	}
}

func TestCommittedGuestsHaveTheirSums(t *testing.T) {
	holdSums(t, func(source string) ([]byte, error) { return os.ReadFile(beside(source)) })
}

func TestGuestsAreBuiltFromTheirSources(t *testing.T) {
	tool, err := exec.LookPath("wat2wasm")
	if err != nil {
		t.Skip("wat2wasm (of wabt) is not installed")
	}
	holdSums(t, func(source string) ([]byte, error) {
		built := filepath.Join(t.TempDir(), "built.wasm")
		if out, err := exec.Command(tool, source, "-o", built).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %v\n%s", source, err, out)
		}
		return os.ReadFile(built)
	})
}
