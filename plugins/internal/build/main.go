// Command build compiles the built-in plugins and the examples written in Go
// with TinyGo, and writes the .wasm files and SHA256SUMS that are committed:
//
//	go generate ./plugins                     build them and write them
//	go run ./plugins/internal/build -check    build them and compare
//
// The same source gives the same bytes in any folder: the versions of TinyGo,
// of LLVM and of Go are fixed, and there is no debug information. TinyGo is
// built from its source where it is missing, which takes a minute and Debian's
// packages of LLVM 19 (see packages); it is kept in the user's cache.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

func main() {
	check := flag.Bool("check", false, "compare with the committed files, and write nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *check); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, check bool) error {
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	tool, err := find()
	if err != nil {
		if tool, err = install(ctx); err != nil {
			return err
		}
	}
	return rebuild(ctx, tool, root, check)
}

// rebuild builds all modules, and writes them or compares them.
func rebuild(ctx context.Context, tool tinygo, root string, check bool) error {
	files, err := compileAll(ctx, tool, root)
	if err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(root, f.path)
		if !check {
			if err := os.WriteFile(path, f.data, 0o644); err != nil {
				return err
			}
			fmt.Println(f.path, len(f.data))
			continue
		}
		committed, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Equal(committed, f.data) {
			return fmt.Errorf("%s is not what its source gives: run go generate ./plugins", f.path)
		}
	}
	return nil
}
