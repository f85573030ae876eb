package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// places are the folders of modules, with a SHA256SUMS each.
var places = []string{"plugins", "wasm-examples", "gateway/sandbox/testdata/tags"}

// file is a file to be committed, by its path from the root of the project.
type file struct {
	path string
	data []byte
}

// module is a folder with the source of a module, by its path from the root of
// the project. The .wasm beside it has the folder's name.
type module struct {
	dir  string
	tool toolchain
}

func (m module) wasm() string { return path.Join(m.dir, path.Base(m.dir)+".wasm") }

// moduleRoot is the folder of go.mod.
func moduleRoot(ctx context.Context) (string, error) {
	var text strings.Builder
	if err := output(command(ctx, "", "go", "env", "GOMOD"), &text); err != nil {
		return "", err
	}
	return filepath.Dir(strings.TrimSpace(text.String())), nil
}

// modules are those of a place, sorted.
func modules(root, place string) ([]module, error) {
	dirs, err := filepath.Glob(filepath.Join(root, place, "*"))
	if err != nil {
		return nil, err
	}
	var all []module
	for _, dir := range dirs {
		for _, tool := range toolchains() {
			if _, err := os.Stat(tool.source(dir)); err == nil {
				all = append(all, module{path.Join(place, filepath.Base(dir)), tool})
			}
		}
	}
	return all, nil
}

// compileAll builds the modules of all places, and their SHA256SUMS in the form
// of sha256sum(1). Those in the languages of absent stay as they are committed.
func compileAll(ctx context.Context, root string, absent []string) ([]file, error) {
	var files []file
	for _, place := range places {
		all, err := modules(root, place)
		if err != nil {
			return nil, err
		}
		var sums strings.Builder
		for _, m := range all {
			wasm, err := m.compileOrRead(ctx, root, absent)
			if err != nil {
				return nil, err
			}
			files = append(files, file{m.wasm(), wasm})
			fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(wasm), strings.TrimPrefix(m.wasm(), place+"/"))
		}
		files = append(files, file{path.Join(place, "SHA256SUMS"), []byte(sums.String())})
	}
	return files, nil
}

func (m module) compileOrRead(ctx context.Context, root string, absent []string) ([]byte, error) {
	if slices.Contains(absent, m.tool.language) {
		return os.ReadFile(filepath.Join(root, m.wasm()))
	}
	return m.compile(ctx, root)
}

// compile builds the module of one folder.
func (m module) compile(ctx context.Context, root string) ([]byte, error) {
	scratch, err := os.MkdirTemp("", "mmgw-build-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	wasm := filepath.Join(scratch, "module.wasm")
	cmd, err := m.tool.build(ctx, root, m.tool.source(m.dir), wasm, scratch)
	if err != nil {
		return nil, err
	}
	if err := output(cmd, nil); err != nil {
		return nil, err
	}
	return os.ReadFile(wasm)
}

func tinygoMissing(context.Context) error {
	_, err := find()
	return err
}

// leaking is the line in the source of a module that is built without a collector
// of garbage: its memory is put back after every call anyhow.
const leaking = "//mmgw:gc leaking"

func tinygoBuild(ctx context.Context, root, source, wasm, scratch string) (*exec.Cmd, error) {
	t, err := find()
	if err != nil {
		return nil, err
	}
	description := filepath.Join(scratch, "target.json")
	if err := os.WriteFile(description, target, 0o644); err != nil {
		return nil, err
	}
	cmd := command(ctx, root, t.program(), "build",
		"-target="+description, "-opt=2", "-no-debug", "-o", wasm, "./"+filepath.Dir(source))
	text, err := os.ReadFile(filepath.Join(root, source))
	if err != nil {
		return nil, err
	}
	if strings.Contains(string(text), "\n"+leaking+"\n") {
		cmd.Args = slices.Insert(cmd.Args, 2, "-gc=leaking")
	}
	cmd.Env = append(cmd.Env, "TINYGOROOT="+t.root())
	return cmd, nil
}
