package plugins_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/plugins"
)

// hooks are the exports that each built-in plugin is there for.
var hooks = map[string][]string{
	"deliver":        {"plan"},
	"exim4":          {"mta_config"},
	"footer":         {"outgoing"},
	"from-rewrite":   {"outgoing"},
	"list-headers":   {"outgoing"},
	"null":           {"mta_config"},
	"opensmtpd":      {"mta_config"},
	"postfix":        {"mta_config"},
	"posting":        {"incoming"},
	"qmail":          {"mta_config"},
	"sendmail":       {"mta_config"},
	"subject-prefix": {"incoming", "outgoing"},
}

// wasmBytesMax keeps the built-in plugins small: they are committed, and compiled
// at the first start. They are built for speed, which takes a quarter more.
const wasmBytesMax = 40_000

func TestNames(t *testing.T) {
	names := plugins.Names()
	if len(names) != len(hooks) || !slices.IsSorted(names) {
		t.Errorf("the plugins are %v", names)
	}
	for _, name := range names {
		wasm, ok := plugins.Lookup(name)
		if !ok {
			t.Fatalf("%s is not found", name)
		}
		info, err := sandbox.Inspect(wasm)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(info.Hooks, hooks[name]) {
			t.Errorf("%s has the hooks %v, want %v", name, info.Hooks, hooks[name])
		}
		for _, i := range info.Imports {
			if strings.Contains(i, "wasi") {
				t.Errorf("%s imports %s", name, i)
			}
		}
		if len(wasm) > wasmBytesMax {
			t.Errorf("%s has %d octets", name, len(wasm))
		}
	}
}

func TestLookup(t *testing.T) {
	exim, _ := plugins.Lookup("exim")
	exim4, _ := plugins.Lookup("exim4")
	if len(exim) == 0 || !slices.Equal(exim, exim4) {
		t.Error("exim is not exim4")
	}
	for _, name := range []string{"", ".", "..", "../plugins", "deliver/deliver", "internal", "Postfix"} {
		if _, ok := plugins.Lookup(name); ok {
			t.Errorf("there is a plugin %q", name)
		}
	}
}

// TestSums holds the embedded modules to SHA256SUMS.
func TestSums(t *testing.T) {
	f, err := os.Open("SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names := plugins.Names()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		sum, path, _ := strings.Cut(lines.Text(), "  ")
		name, _, _ := strings.Cut(path, "/")
		wasm, ok := plugins.Lookup(name)
		digest := sha256.Sum256(wasm)
		if !ok || hex.EncodeToString(digest[:]) != sum {
			t.Errorf("%s is not the module of SHA256SUMS", path)
		}
		names = slices.DeleteFunc(names, func(n string) bool { return n == name })
	}
	if len(names) > 0 {
		t.Errorf("SHA256SUMS lacks %v", names)
	}
}
