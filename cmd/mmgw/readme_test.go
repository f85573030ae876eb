package main

import (
	"os"
	"path/filepath"
	"regexp"
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
