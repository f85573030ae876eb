package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// places are the folders of modules, with a SHA256SUMS each.
var places = []string{"plugins", "wasm-examples"}

// file is a file to be committed, by its path from the root of the project.
type file struct {
	path string
	data []byte
}

// moduleRoot is the folder of go.mod.
func moduleRoot(ctx context.Context) (string, error) {
	var text strings.Builder
	if err := output(command(ctx, "", "go", "env", "GOMOD"), &text); err != nil {
		return "", err
	}
	return filepath.Dir(strings.TrimSpace(text.String())), nil
}

// sources are the folders of a place with a Go module for mmgw in them.
func sources(root, place string) ([]string, error) {
	mains, err := filepath.Glob(filepath.Join(root, place, "*", "main.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, main := range mains {
		names = append(names, filepath.Base(filepath.Dir(main)))
	}
	return names, nil
}

// compileAll builds the modules of all places, and their SHA256SUMS in the form
// of sha256sum(1).
func compileAll(ctx context.Context, tool tinygo, root string) ([]file, error) {
	var files []file
	for _, place := range places {
		names, err := sources(root, place)
		if err != nil {
			return nil, err
		}
		var sums strings.Builder
		for _, name := range names {
			wasm, err := tool.compile(ctx, root, path.Join(place, name))
			if err != nil {
				return nil, err
			}
			local := path.Join(name, name+".wasm")
			files = append(files, file{path.Join(place, local), wasm})
			fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(wasm), local)
		}
		files = append(files, file{path.Join(place, "SHA256SUMS"), []byte(sums.String())})
	}
	return files, nil
}

// compile builds the module of one folder.
func (t tinygo) compile(ctx context.Context, root, dir string) ([]byte, error) {
	scratch, err := os.MkdirTemp("", "mmgw-build-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	description := filepath.Join(scratch, "target.json")
	if err := os.WriteFile(description, target, 0o644); err != nil {
		return nil, err
	}
	wasm := filepath.Join(scratch, "module.wasm")
	cmd := command(ctx, root, t.program(), "build",
		"-target="+description, "-opt=z", "-no-debug", "-o", wasm, "./"+dir)
	cmd.Env = append(cmd.Env, "TINYGOROOT="+t.root())
	if err := output(cmd, nil); err != nil {
		return nil, err
	}
	return os.ReadFile(wasm)
}
