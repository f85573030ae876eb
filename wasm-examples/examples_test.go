package examples_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway/conformance"
	"github.com/mmgw/mmgw/gateway/entity"
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

// TestStripAttachmentsRefusesWhatItCannotSee: programs behind the last part that
// mmgw sees, and below the deepest.
func TestStripAttachmentsRefusesWhatItCannotSee(t *testing.T) {
	const program = "Content-Disposition: attachment; filename=tool.exe\n\nMZ\n"
	multipart := func(boundary, content string) string {
		return "Content-Type: multipart/mixed; boundary=" + boundary + "\n\n--" + boundary + "\n" + content + "\n--" + boundary + "--\n"
	}
	deep := program
	for n := range entity.DepthMax + 10 {
		deep = multipart(fmt.Sprintf("b%db", n), deep)
	}
	for name, mail := range map[string]string{
		"many": multipart("b", strings.Repeat("\ntext\n--b\n", entity.PartsMax)+program),
		"deep": deep,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			text := "-- mail --\nMIME-Version: 1.0\n" + mail + "-- verdict --\nreject 550 5.6.0 the attachments of this message cannot be looked into\n"
			if err := os.WriteFile(filepath.Join(dir, "case.txtar"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cases, err := conformance.FindCases(dir)
			if err != nil {
				t.Fatal(err)
			}
			wasm, _ := examples.Lookup("strip-attachments")
			m := conformance.Module{Name: "strip-attachments", Wasm: wasm, Cases: cases}
			report, err := m.Run(t.Context(), conformance.Options{})
			if err != nil || report.Cases != 1 || len(report.Findings) > 0 {
				t.Errorf("%+v, %v", report, err)
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
