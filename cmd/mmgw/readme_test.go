package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The configurations that the README shows pass `mmgw check`.
func TestREADMEConfigurations(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(blocks) == 0 {
		t.Fatal("the README shows no configuration")
	}
	for _, block := range blocks {
		file := filepath.Join(t.TempDir(), "mmgw.toml")
		if err := os.WriteFile(file, block[1], 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("XDG_STATE_HOME", t.TempDir())
		if code := run(t.Context(), []string{"check", "--config", file}); code != 0 {
			t.Errorf("check exits %d on\n%s", code, block[1])
		}
	}
}

// The unit that the README shows starts a command that is there.
func TestREADMEUnit(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	unit := regexp.MustCompile("(?s)```ini\n(.*?)```").FindSubmatch(readme)
	if unit == nil {
		t.Fatal("the README shows no unit")
	}
	start := regexp.MustCompile(`(?m)^ExecStart=/usr/bin/mmgw (.*)$`).FindSubmatch(unit[1])
	if start == nil {
		t.Fatalf("it starts no mmgw:\n%s", unit[1])
	}
	if code := run(t.Context(), append(strings.Fields(string(start[1])), "--help")); code != 0 {
		t.Errorf("mmgw %s --help exits %d", start[1], code)
	}
	for line := range strings.Lines(string(unit[1])) {
		if !regexp.MustCompile(`^(\[[A-Z][a-z]+\]|[A-Z][A-Za-z]+=.*|)\n$`).MatchString(line) {
			t.Errorf("no line of a unit: %q", line)
		}
	}
}
