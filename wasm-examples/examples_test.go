package examples_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway/conformance"
	examples "github.com/mmgw/mmgw/wasm-examples"
)

// names are the folders with a committed module, sorted.
func names(t *testing.T) []string {
	t.Helper()
	modules, err := filepath.Glob("*/*.wasm")
	if err != nil || len(modules) == 0 {
		t.Fatalf("no modules (%v)", err)
	}
	var all []string
	for _, module := range modules {
		all = append(all, filepath.Dir(module))
	}
	return all
}

// TestConformance is `mmgw plugin test wasm-examples`: the cases of every example
// and the trials of package conformance, on the module that is committed. With
// UPDATE=1 in the environment it writes down what comes of the cases.
func TestConformance(t *testing.T) {
	cache := t.TempDir()
	modules, err := conformance.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modules {
		t.Run(m.Name, func(t *testing.T) {
			report, err := m.Run(t.Context(), conformance.Options{Update: os.Getenv("UPDATE") != "", Cache: cache})
			if err != nil {
				t.Fatal(err)
			}
			if report.Cases == 0 {
				t.Error("it has no cases")
			}
			for _, f := range report.Findings {
				t.Errorf("%s %s: %s", f.Case, f.Trial, f.Text)
			}
		})
	}
}

// TestSums holds the embedded modules to SHA256SUMS, which names them all.
func TestSums(t *testing.T) {
	f, err := os.Open("SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var summed []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		sum, path, _ := strings.Cut(lines.Text(), "  ")
		name := filepath.Dir(path)
		wasm, ok := examples.Lookup(name)
		digest := sha256.Sum256(wasm)
		if !ok || hex.EncodeToString(digest[:]) != sum {
			t.Errorf("%s is not the module of SHA256SUMS", path)
		}
		summed = append(summed, name)
	}
	if all := names(t); !slices.Equal(summed, all) {
		t.Errorf("SHA256SUMS names %q, there are %q", summed, all)
	}
}

// TestSmall keeps a binary that nobody can read small enough to be committed.
func TestSmall(t *testing.T) {
	const moduleBytesMax = 20 << 10
	for _, example := range names(t) {
		if wasm, _ := examples.Lookup(example); len(wasm) > moduleBytesMax {
			t.Errorf("%s.wasm has %d octets, more than %d", example, len(wasm), moduleBytesMax)
		}
	}
}
