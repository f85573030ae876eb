// Command build compiles the built-in plugins and the examples, and writes the
// .wasm files and SHA256SUMS that are committed:
//
//	go generate ./plugins                       build them and write them
//	go run ./plugins/internal/build -check      build them and compare
//	go run ./plugins/internal/build -install    set toolchains up, and nothing else
//
// The same source gives the same bytes in any folder: the versions of compilers
// are fixed, and there is no debug information. Modules in Go are built with
// TinyGo, which is built from its source where it is missing; that takes a minute
// and Debian's packages of LLVM 19 (see packages). Modules in a language whose
// compiler is missing stay as they are, and the reason is told; -install gets
// those that npm has. All of them are kept in the user's cache.
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
	install := flag.Bool("install", false, "set up TinyGo and the compilers of npm, and build nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *check, *install); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, check, install bool) error {
	if _, err := installTinyGo(ctx); err != nil {
		return err
	}
	if install {
		return installNPM(ctx)
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	var absent []string
	for _, tool := range toolchains() {
		if err := tool.missing(ctx); err != nil {
			fmt.Fprintf(os.Stderr, "build: modules in %s stay as they are: %v\n", tool.language, err)
			absent = append(absent, tool.language)
		}
	}
	files, err := compileAll(ctx, root, absent)
	if err != nil {
		return err
	}
	if check {
		return compare(root, files)
	}
	return write(root, files)
}

func compare(root string, files []file) error {
	for _, f := range files {
		committed, err := os.ReadFile(filepath.Join(root, f.path))
		if err != nil {
			return err
		}
		if !bytes.Equal(committed, f.data) {
			return fmt.Errorf("%s is not what its source gives: run go generate ./plugins", f.path)
		}
	}
	return nil
}

func write(root string, files []file) error {
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(root, f.path), f.data, 0o644); err != nil {
			return err
		}
		fmt.Println(f.path, len(f.data))
	}
	return nil
}
