package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRebuild holds that the committed modules are what their source gives.
func TestRebuild(t *testing.T) {
	if testing.Short() {
		t.Skip("building every module takes ten seconds: not with -short")
	}
	root, err := moduleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range toolchains() {
		t.Run(tool.language, func(t *testing.T) {
			if err := tool.missing(t.Context()); err != nil {
				t.Skip(err)
			}
			for _, m := range modulesOf(t, root, tool.language) {
				holdCommitted(t, root, m)
			}
		})
	}
}

// modulesOf are the modules in one language, of which there are some.
func modulesOf(t *testing.T, root, language string) []module {
	t.Helper()
	var some []module
	for _, place := range places {
		all, err := modules(root, place)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			if m.tool.language == language {
				some = append(some, m)
			}
		}
	}
	if len(some) == 0 {
		t.Fatalf("no module is written in %s", language)
	}
	return some
}

func holdCommitted(t *testing.T, root string, m module) {
	t.Helper()
	wasm, err := m.compile(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile(filepath.Join(root, m.wasm()))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(wasm, committed) {
		t.Errorf("%s is not what its source gives: run go generate ./plugins", m.wasm())
	}
}

func TestOutput(t *testing.T) {
	err := output(command(t.Context(), "", "go", "no-such-command"), nil)
	if err == nil || !strings.Contains(err.Error(), "no-such-command") {
		t.Errorf("a failed command gives %v", err)
	}
}

func TestWantVersion(t *testing.T) {
	if err := wantVersion(t.Context(), "go version", "go", "version"); err != nil {
		t.Error(err)
	}
	if err := wantVersion(t.Context(), "go vers", "go", "version"); err == nil {
		t.Error("another version is taken")
	}
}
