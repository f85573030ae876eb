package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// toolchain builds the modules of one language.
type toolchain struct {
	language string
	ending   string // of the source; it is named after its folder, in Go main.go

	// missing says why the toolchain cannot be used here, and what to install.
	missing func(ctx context.Context) error

	// build is the command that writes a module. It runs in the root of the
	// project, from which source is a path; scratch is a folder for what it needs.
	build func(ctx context.Context, root, source, wasm, scratch string) (*exec.Cmd, error)
}

// toolchains are all languages that examples are written in. The lines are those
// of the READMEs of sdk, which has one folder for each.
func toolchains() []toolchain {
	return []toolchain{
		{"Go", ".go", tinygoMissing, tinygoBuild},
		{"C", ".c", clangMissing, clangBuild},
		{"C++", ".cc", clangMissing, clangxxBuild},
		{"WAT", ".wat", wabtMissing, wabtBuild},
		{"Rust", ".rs", rustMissing, rustBuild},
		{"AssemblyScript", ".ts", ascMissing, ascBuild},
		{"Zig", ".zig", zigMissing, zigBuild},
	}
}

// source is the file that the module of a folder is built from.
func (t toolchain) source(dir string) string {
	if t.ending == ".go" {
		return filepath.Join(dir, "main.go")
	}
	return filepath.Join(dir, filepath.Base(dir)+t.ending)
}

// present says which of files is missing, and the packages of Debian that have
// them.
func present(packages string, files ...string) error {
	for _, path := range files {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("%s is missing; on Debian: apt-get install --no-install-recommends %s", path, packages)
		}
	}
	return nil
}

func clangMissing(context.Context) error {
	return present("clang-19 lld-19 binaryen", llvmBin+"/clang", llvmBin+"/wasm-ld", "/usr/bin/wasm-opt")
}

func clangBuild(ctx context.Context, root, source, wasm, _ string) (*exec.Cmd, error) {
	return command(ctx, root, llvmBin+"/clang", "--target=wasm32", "-Os", "-Wall", "-Wextra", "-Werror",
		"-mbulk-memory", "-nostdlib", "-Isdk/c", "-Wl,--no-entry", "-Wl,--strip-all", "-Wl,--stack-first",
		"-o", wasm, source), nil
}

func clangxxBuild(ctx context.Context, root, source, wasm, _ string) (*exec.Cmd, error) {
	return command(ctx, root, llvmBin+"/clang++", "--target=wasm32", "-std=c++20", "-fno-exceptions", "-fno-rtti", "-Os",
		"-Wall", "-Wextra", "-Werror", "-mbulk-memory", "-nostdlib", "-Isdk/c", "-Wl,--no-entry", "-Wl,--strip-all",
		"-Wl,--stack-first", "-o", wasm, source), nil
}

func wabtMissing(context.Context) error {
	if _, err := exec.LookPath("wat2wasm"); err != nil {
		return errors.New("wat2wasm is missing; on Debian: apt-get install wabt")
	}
	return nil
}

func wabtBuild(ctx context.Context, root, source, wasm, _ string) (*exec.Cmd, error) {
	return command(ctx, root, "wat2wasm", source, "-o", wasm), nil
}

// The Rust of Debian 12. Its path is spelt out because rustup, which has no
// standard library for WebAssembly without a download, may be first in PATH.
const (
	rustc       = "/usr/bin/rustc"
	rustVersion = "1.63.0"
)

func rustMissing(ctx context.Context) error {
	err := present("rustc libstd-rust-dev-wasm32 lld-14",
		rustc, "/usr/lib/rustlib/wasm32-unknown-unknown", "/usr/bin/wasm-ld-14")
	if err != nil {
		return err
	}
	return wantVersion(ctx, "rustc "+rustVersion, rustc, "--version")
}

func rustBuild(ctx context.Context, root, source, wasm, _ string) (*exec.Cmd, error) {
	return command(ctx, root, rustc, "--edition", "2021", "--target", "wasm32-unknown-unknown", "--crate-type", "cdylib",
		"-C", "opt-level=z", "-C", "lto", "-C", "codegen-units=1", "-C", "panic=abort", "-C", "strip=symbols",
		"-C", "linker=wasm-ld-14", "-C", "link-arg=-zstack-size=65536", "-o", wasm, source), nil
}

// wantVersion holds a program to the one version whose bytes are committed.
func wantVersion(ctx context.Context, want, program string, args ...string) error {
	var text strings.Builder
	if err := output(command(ctx, "", program, args...), &text); err != nil {
		return err
	}
	if got := strings.TrimSpace(text.String()); got != want && !strings.HasPrefix(got, want+" ") {
		return fmt.Errorf("%s is %q, and the modules are built with %q", program, got, want)
	}
	return nil
}
