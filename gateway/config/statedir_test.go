package config

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What StateDir reads is what Load reads, and all that it opens is the file.
func TestStateDir(t *testing.T) {
	dir := t.TempDir()
	options := Options{Getenv: func(name string) string { return map[string]string{"HOME": dir}[name] }}
	for text, want := range map[string]string{
		"state_dir = \"state\"":                     filepath.Join(dir, "state"),
		"# a comment\n state_dir = '/var/mmgw' # x": "/var/mmgw",
		"hostname = \"a.example.com\"\n[mta]":       filepath.Join(dir, ".local", "state", "mmgw"),
		"":                                          filepath.Join(dir, ".local", "state", "mmgw"),
		"state_dir = \"/a\"\n  [[list]]\naddress = \"dev@lists.example.com\"\nmembers = \"dev.members\"\n": "/a",
	} {
		path := filepath.Join(dir, "mmgw.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "dev.members"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		full, err := Load(path, options)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		counted, opened := options, 0
		counted.Open = func(path string) (io.ReadCloser, error) {
			opened++
			return os.Open(path)
		}
		if got, ok := StateDir(path, counted); !ok || got != want || got != full.StateDir || opened != 1 {
			t.Errorf("%q: %q, %v, of %d files; Load: %q", text, got, ok, opened, full.StateDir)
		}
	}
}

// What is not understood for certain is left to Load: who writes state_dri must
// not meet another gateway.
func TestStateDirIsCertain(t *testing.T) {
	for name, text := range map[string]string{
		"unknown key":     "state_dri = \"/a\"\n[mta]\n",
		"syntax":          "state_dir = /a\n",
		"another type":    "state_dir = 1\n",
		"a table by dots": "state_dir = \"/a\"\nmta.lmtp_port = 1\n",
		"within a text":   "text_dir = \"\"\"\n[mta]\n\"\"\"\nstate_dir = \"/a\"\n",
		"no end":          strings.Repeat("# comment\n", headBytesMax/8) + "state_dir = \"/a\"\n",
		"twice":           "state_dir = \"/a\"\nstate_dir = \"/b\"\n",
	} {
		options := Options{
			Open:   func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
			Getenv: func(string) string { return "/a" },
		}
		if dir, ok := StateDir("mmgw.toml", options); ok {
			t.Errorf("%s: %q", name, dir)
		}
	}
	if dir, ok := StateDir(filepath.Join(t.TempDir(), "none.toml"), Options{}); ok {
		t.Errorf("no file: %q", dir)
	}
}
