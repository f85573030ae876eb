package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// What the bytes of a module depend on.
const (
	tinygoVersion = "v0.41.1"
	goToolchain   = "go1.26.8" // whose standard library is compiled in
	llvmBin       = "/usr/lib/llvm-19/bin"
)

// packages are what Debian 12 calls the things that are needed: LLVM for
// TinyGo itself, clang and the linker for every module, and C's library and
// the compiler's for WebAssembly, which target.json names.
const packages = "gcc g++ clang-19 lld-19 llvm-19-dev libclang-19-dev liblld-19-dev wasi-libc libclang-rt-19-dev-wasm32 binaryen"

// needed are files of packages, one of each that may be missing.
var needed = []string{
	llvmBin + "/clang",
	llvmBin + "/wasm-ld",
	"/usr/lib/llvm-19/include/llvm-c/Core.h",
	"/usr/lib/llvm-19/include/clang-c/Index.h",
	"/usr/lib/llvm-19/include/lld/Common/Driver.h",
	"/usr/lib/wasm32-wasi/libc.a",
	"/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a",
	"/usr/bin/wasm-opt", // TinyGo runs it, and so does clang where it finds it
}

// target describes WebAssembly without WASI to TinyGo. The targets that come
// with it want C libraries that the source of a Go module does not carry.
//
//go:embed target.json
var target []byte

// tinygo is the folder of a built compiler: the program, and its source as
// TINYGOROOT.
type tinygo struct{ dir string }

func (t tinygo) program() string { return filepath.Join(t.dir, "tinygo") }
func (t tinygo) root() string    { return filepath.Join(t.dir, "src") }

// find returns the compiler of the user's cache. Its error says what is
// missing.
func find() (tinygo, error) {
	if err := present(packages, needed...); err != nil {
		return tinygo{}, err
	}
	dir, err := cacheDir("tinygo-" + tinygoVersion)
	if err != nil {
		return tinygo{}, err
	}
	t := tinygo{dir}
	if _, err := os.Stat(t.program()); err != nil {
		return t, fmt.Errorf("TinyGo %s has not been built here: %w", tinygoVersion, err)
	}
	return t, nil
}

// installTinyGo builds TinyGo from its Go module. The folder appears when it is
// whole.
func installTinyGo(ctx context.Context) (tinygo, error) {
	t, err := find()
	if err == nil || t.dir == "" {
		return t, err
	}
	source, err := download(ctx)
	if err != nil {
		return t, err
	}
	if err := os.MkdirAll(filepath.Dir(t.dir), 0o755); err != nil {
		return t, err
	}
	half, err := os.MkdirTemp(filepath.Dir(t.dir), "half-")
	if err != nil {
		return t, err
	}
	defer os.RemoveAll(half)
	if err := (tinygo{half}).build(ctx, source); err != nil {
		return t, err
	}
	return t, os.Rename(half, t.dir)
}

func (t tinygo) build(ctx context.Context, source string) error {
	fmt.Fprintln(os.Stderr, "build: building TinyGo", tinygoVersion, "once, which takes a minute")
	if err := os.CopyFS(t.root(), os.DirFS(source)); err != nil {
		return err
	}
	// A submodule that the Go module does not have; nothing here uses it.
	if err := os.MkdirAll(filepath.Join(t.root(), "src", "net"), 0o755); err != nil {
		return err
	}
	cmd := command(ctx, t.root(), "go", "build", "-tags", "llvm19", "-o", t.program(), ".")
	cmd.Env = append(cmd.Env, "CGO_ENABLED=1")
	return output(cmd, nil)
}

// download returns the folder of TinyGo's source.
func download(ctx context.Context) (string, error) {
	var text strings.Builder
	module := "github.com/tinygo-org/tinygo@" + tinygoVersion
	if err := output(command(ctx, os.TempDir(), "go", "mod", "download", "-json", module), &text); err != nil {
		return "", err
	}
	var answer struct{ Dir string }
	if err := json.Unmarshal([]byte(text.String()), &answer); err != nil || answer.Dir == "" {
		return "", fmt.Errorf("go mod download %s gives no folder: %v", module, err)
	}
	return answer.Dir, nil
}

// command is a command in an environment that is the same everywhere.
func command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"GOTOOLCHAIN="+goToolchain, "GOFLAGS=", "GOWORK=off", "GOOS=", "GOARCH=",
		"PATH="+llvmBin+string(os.PathListSeparator)+os.Getenv("PATH"))
	return cmd
}

// output runs a command and writes what it says to text. An error has what it
// said on standard error.
func output(cmd *exec.Cmd, text *strings.Builder) error {
	if text != nil {
		cmd.Stdout = text
	}
	var complaint strings.Builder
	cmd.Stderr = &complaint
	if err := cmd.Run(); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err), errors.New(strings.TrimSpace(complaint.String())))
	}
	return nil
}
