package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

const modulePath = "github.com/mmgw/mmgw"

// repository is the files of a checkout, without what .gitignore names.
type repository struct {
	fsys  fs.FS
	files []string // sorted paths
	dirs  []string // sorted, without "."
	code  []source // Go files outside of testdata folders, and of the package testdata
}

// source is one parsed Go file.
type source struct {
	path    string
	imports []string
	lines   int
	syntax  *ast.File
	fset    *token.FileSet
}

func (s source) dir() string  { return path.Dir(s.path) }
func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }
func (s source) isMain() bool { return s.syntax.Name.Name == "main" }
func (s source) at(n ast.Node) string {
	return s.fset.Position(n.Pos()).String()
}

// open reads a repository. A Go file that cannot be parsed is an error: go vet
// says more about it than a rule could.
func open(fsys fs.FS) (*repository, error) {
	r := &repository{fsys: fsys}
	ignored := ignores(fsys)
	err := fs.WalkDir(fsys, ".", func(p string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || p == ".":
			return err
		case p == ".git" || ignored(p):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			r.dirs = append(r.dirs, p)
			return nil
		}
		r.files = append(r.files, p)
		if path.Ext(p) != ".go" || inTestdata(p) {
			return nil
		}
		s, err := parse(fsys, p)
		r.code = append(r.code, s)
		return err
	})
	return r, err
}

// inTestdata says whether p is a file that the go command does not see. The
// folder testdata at the top is a package nevertheless.
func inTestdata(p string) bool { return strings.Contains(path.Dir(p)+"/", "/testdata/") }

func parse(fsys fs.FS, p string) (source, error) {
	data, err := fs.ReadFile(fsys, p)
	if err != nil {
		return source{}, err
	}
	s := source{path: p, lines: strings.Count(string(data), "\n"), fset: token.NewFileSet()}
	s.syntax, err = parser.ParseFile(s.fset, p, data, parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	for _, spec := range s.syntax.Imports {
		s.imports = append(s.imports, strings.Trim(spec.Path.Value, `"`))
	}
	return s, nil
}

// ignores reads .gitignore as far as this project uses it: names, patterns of
// path.Match, a leading slash for the top folder, a trailing one for folders.
func ignores(fsys fs.FS) func(p string) bool {
	text, _ := fs.ReadFile(fsys, ".gitignore")
	var patterns []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(strings.TrimSpace(line), "/")
		if line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, line)
		}
	}
	return func(p string) bool {
		for _, pattern := range patterns {
			name := path.Base(p)
			if rooted, ok := strings.CutPrefix(pattern, "/"); ok {
				pattern, name = rooted, p
			}
			if matched, _ := path.Match(pattern, name); matched {
				return true
			}
		}
		return false
	}
}

// house is this repository, read once.
var house = sync.OnceValues(func() (*repository, error) { return open(os.DirFS("../../..")) })

// rule returns what is wrong in a repository, a line each.
type rule func(*repository) []string

// hold fails for each finding of a rule in this repository.
func hold(t *testing.T, check rule) {
	t.Helper()
	r, err := house()
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range check(r) {
		t.Error(finding)
	}
}

// catch is the control of a rule: a repository of the files of bad, as
// path -> text, must give exactly one finding, with want in it.
func catch(t *testing.T, check rule, bad map[string]string, want string) {
	t.Helper()
	fsys := fstest.MapFS{}
	for p, text := range bad {
		fsys[p] = &fstest.MapFile{Data: []byte(text)}
	}
	r, err := open(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if findings := check(r); len(findings) != 1 || !strings.Contains(findings[0], want) {
		t.Errorf("control: want one finding with %q, got %q", want, findings)
	}
}

// pass is the other control: the same kind of repository, and nothing wrong.
func pass(t *testing.T, check rule, good map[string]string) {
	t.Helper()
	fsys := fstest.MapFS{}
	for p, text := range good {
		fsys[p] = &fstest.MapFile{Data: []byte(text)}
	}
	r, err := open(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if findings := check(r); len(findings) != 0 {
		t.Errorf("control: want no finding, got %q", findings)
	}
}
