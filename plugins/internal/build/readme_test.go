package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// page is the README of one language: its folder below sdk, the file to copy,
// and what the source of its handler is called.
type page struct{ language, dir, copied, source string }

var pages = []page{
	{"C", "c", "mmgw.h", "tag.c"},
	{"WAT", "wat", "", "tag.wat"},
	{"Rust", "rust", "mmgw.rs", "tag.rs"},
	{"AssemblyScript", "assemblyscript", "mmgw.ts", "tag.ts"},
	{"Zig", "zig", "mmgw.zig", "tag.zig"},
	{"standard Go", "go", "", "tag.go"},
	{tinygoPage, "go", "", "tag.go"},
}

// tinygoPage is the page of Go with one line more: the module is built once
// more, by TinyGo.
const tinygoPage = "Go"

// TestPages does what an author does who reads nothing but a page and the
// README of sdk: copies the SDK's file, writes the handler down, and types the
// lines, from an empty folder to a gateway that runs the handler.
func TestPages(t *testing.T) {
	if testing.Short() {
		t.Skip("building modules takes seconds: not with -short")
	}
	root, err := moduleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir()
	mmgw(t, root, programs)
	for _, p := range pages {
		t.Run(p.language, func(t *testing.T) {
			i := slices.IndexFunc(toolchains(), func(tool toolchain) bool { return tool.language == p.language })
			if i >= 0 {
				if err := toolchains()[i].missing(t.Context()); err != nil {
					t.Skip(err)
				}
			}
			t.Setenv("MMGW", root)
			dir := p.write(t, filepath.Join(root, "sdk", p.dir))
			p.prints(t, dir, programs, "hooks    incoming", "verdict  continue", "+ Subject: [dev] hello\n")
			put(t, filepath.Join(dir, "lines.sh"), []byte(block(t, filepath.Join(root, "sdk", "README.md"), "sh")))
			p.prints(t, dir, programs, "ok   tag: 1 case,", "250", "\ntag ", " 1      0 ")
			verdict, err := os.ReadFile(filepath.Join(dir, "tags.txtar"))
			if err != nil || !strings.Contains(string(verdict), "-- becomes --\nSubject: [dev] hello\n") {
				t.Errorf("%v\n%s", err, verdict)
			}
		})
	}
}

// mmgw builds the program into a folder.
func mmgw(t *testing.T, root, programs string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", programs, "./cmd/mmgw")
	cmd.Dir = root
	if err := output(cmd, nil); err != nil {
		t.Fatal(err)
	}
}

// write gives a folder with the handler of the page and the file to copy.
func (p page) write(t *testing.T, sdk string) string {
	t.Helper()
	dir := t.TempDir()
	kind := strings.TrimPrefix(filepath.Ext(p.source), ".")
	if kind == "rs" {
		kind = "rust"
	}
	put(t, filepath.Join(dir, p.source), []byte(block(t, filepath.Join(sdk, "README.md"), kind)))
	lines := block(t, filepath.Join(sdk, "README.md"), "sh")
	if p.language == tinygoPage {
		inspect := strings.Index(lines, "printf")
		lines = lines[:inspect] + block(t, filepath.Join(sdk, "README.md"), "sh tinygo") + lines[inspect:]
	}
	put(t, filepath.Join(dir, "lines.sh"), []byte(lines))
	if p.copied != "" {
		text, err := os.ReadFile(filepath.Join(sdk, p.copied))
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, p.copied), text)
	}
	return dir
}

// prints holds the lines to what they should print.
func (p page) prints(t *testing.T, dir, programs string, wanted ...string) {
	t.Helper()
	said := p.shell(t, dir, programs)
	for _, want := range wanted {
		if !strings.Contains(said, want) {
			t.Errorf("the lines do not print %q but\n%s", want, said)
		}
	}
}

// shell runs the lines of the page, with TinyGo and the compilers of npm in
// PATH.
func (p page) shell(t *testing.T, dir, programs string) string {
	t.Helper()
	path := []string{programs}
	if npm, err := cacheDir("npm/node_modules"); err == nil {
		path = append(path, filepath.Join(npm, ".bin"), filepath.Join(npm, zigPackage))
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-e", "lines.sh")
	cmd.Dir = dir
	if tinygo, err := find(); err == nil {
		path = append(path, tinygo.dir, llvmBin)
		t.Setenv("TINYGOROOT", tinygo.root())
	}
	cmd.Env = append(os.Environ(), "PATH="+strings.Join(append(path, os.Getenv("PATH")), string(os.PathListSeparator)))
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return string(said)
}

// block is the first code block of a kind in a Markdown file.
func block(t *testing.T, path, kind string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```" + kind + "\n(.*?)```").FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s has no block of %s", path, kind)
	}
	return string(found[1])
}

func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}
