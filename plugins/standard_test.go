package plugins_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/plugins"
	"github.com/mmgw/mmgw/plugins/internal/writertest"
)

// standard builds a plugin with the standard compiler.
func standard(t *testing.T, name string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".wasm")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", path, "./"+name)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	wasm, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// TestStandardCompiler holds that the two compilers agree: on the exports of
// every plugin, and on what a writer renders.
func TestStandardCompiler(t *testing.T) {
	if testing.Short() {
		t.Skip("building and compiling modules of two megabytes takes long")
	}
	for _, name := range plugins.Names() {
		info, err := sandbox.Inspect(standard(t, name))
		if err != nil || !slices.Equal(info.Hooks, hooks[name]) {
			t.Errorf("%s has the hooks %v, %v; want %v", name, info.Hooks, err, hooks[name])
		}
	}
	p := load(t, sandbox.Spec{Name: "postfix", Wasm: standard(t, "postfix")})
	for _, c := range writertest.Load(t, "postfix/testdata") {
		t.Run(c.Name, func(t *testing.T) {
			files, err := p.Render(t.Context(), c.Inventory)
			c.Check(t, files, err)
		})
	}
}
