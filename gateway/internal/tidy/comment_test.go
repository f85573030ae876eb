package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documentedPercent of all exported names have a comment. What is left is for
// methods that say no more than the interface they belong to.
const documentedPercent = 98

// name is an exported name, and whether a comment says what it promises. Of a
// group of constants or variables the comment of the group counts for all.
type name struct {
	at, text   string
	documented bool
}

// exported are the exported names that s declares, with methods of exported
// types if methods is set.
func exported(s source, methods bool) []name {
	var names []name
	add := func(id *ast.Ident, text string, docs ...*ast.CommentGroup) {
		if id.IsExported() {
			documented := slices.ContainsFunc(docs, func(doc *ast.CommentGroup) bool { return doc.Text() != "" })
			names = append(names, name{s.at(id), text, documented})
		}
	}
	for _, decl := range s.syntax.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				add(d.Name, d.Name.Name, d.Doc)
			} else if receiver := receiverType(d); methods && ast.IsExported(receiver) {
				add(d.Name, receiver+"."+d.Name.Name, d.Doc)
			}
		case *ast.GenDecl:
			addSpecs(d, add)
		}
	}
	return names
}

func addSpecs(d *ast.GenDecl, add func(*ast.Ident, string, ...*ast.CommentGroup)) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if d.Lparen == token.NoPos {
				add(spec.Name, spec.Name.Name, spec.Doc, d.Doc)
			} else {
				add(spec.Name, spec.Name.Name, spec.Doc)
			}
		case *ast.ValueSpec:
			for _, id := range spec.Names {
				add(id, id.Name, spec.Doc, spec.Comment, d.Doc)
			}
		}
	}
}

func receiverType(fn *ast.FuncDecl) string {
	t := fn.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// exportedComments lists what has no comment where that is too much of all.
func exportedComments(r *repository) []string {
	var without []string
	total := 0
	for _, s := range r.code {
		if s.isTest() || s.isMain() {
			continue
		}
		for _, n := range exported(s, true) {
			total++
			if !n.documented {
				without = append(without, n.at+" "+n.text)
			}
		}
	}
	if percent := 100 * (total - len(without)); total == 0 || percent >= documentedPercent*total {
		return nil
	}
	return []string{fmt.Sprintf("%d of %d exported names have no comment, less than %d %% have one:\n\t%s",
		len(without), total, documentedPercent, strings.Join(without, "\n\t"))}
}

// packageComments is for all packages, programs too. One comment a package.
func packageComments(r *repository) []string {
	comments := map[string][]string{}
	for _, s := range r.code {
		if s.isTest() {
			continue
		}
		if s.syntax.Doc.Text() != "" {
			comments[s.dir()] = append(comments[s.dir()], s.path)
		} else if _, seen := comments[s.dir()]; !seen {
			comments[s.dir()] = nil
		}
	}
	var findings []string
	for _, dir := range slices.Sorted(maps.Keys(comments)) {
		switch files := comments[dir]; len(files) {
		case 0:
			findings = append(findings, dir+": no package comment that says what it owns and promises")
		case 1:
		default:
			findings = append(findings, dir+": several package comments, in "+strings.Join(files, " "))
		}
	}
	return findings
}

// forbiddenWords put something off. What is not done is an issue, not a comment.
var forbiddenWords = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b|(?i:\bfor n` + `ow\b)`)

func commentWords(r *repository) []string {
	var findings []string
	for _, s := range r.code {
		for _, group := range s.syntax.Comments {
			if word := forbiddenWords.FindString(strings.Join(strings.Fields(group.Text()), " ")); word != "" {
				findings = append(findings, fmt.Sprintf("%s: %q in a comment: do it, or open an issue", s.at(group), word))
			}
		}
	}
	return findings
}

func TestExportedNamesAreDocumented(t *testing.T) {
	hold(t, exportedComments)
	for _, bad := range []string{
		"func F() {}", "type T struct{}", "var V int", "const C = 1",
		"type (\n\tT struct{}\n)", "// T is here.\ntype T struct{}\nfunc (t *T) M() {}\n",
	} {
		catch(t, exportedComments, map[string]string{"mta/a.go": "package mta\n" + bad + "\n"}, "no comment")
	}
	pass(t, exportedComments, map[string]string{
		"mta/a.go": "package mta\n// C is here.\nconst (\n\tC = 1\n\tD = 2\n)\nvar (\n\tV int // V is here\n)\n" +
			"// G is here.\ntype G[T any] struct{}\n// M is here.\nfunc (g G[T]) M() {}\ntype hidden int\nfunc (hidden) M() {}\n",
		"mta/a_test.go": "package mta\nfunc TestF() {}\n",
	})
}

func TestPackagesAreDocumented(t *testing.T) {
	hold(t, packageComments)
	catch(t, packageComments, map[string]string{"mta/a.go": "package mta\n", "mta/a_test.go": "// Package mta.\npackage mta\n"}, "no package comment")
	catch(t, packageComments, map[string]string{"mta/a.go": "// Package mta.\npackage mta\n", "mta/b.go": "// Package mta.\npackage mta\n"}, "several")
	pass(t, packageComments, map[string]string{"mta/a.go": "// Package mta is here.\npackage mta\n", "mta/b.go": "package mta\n"})
}

func TestCommentWords(t *testing.T) {
	hold(t, commentWords)
	for _, bad := range []string{"TO" + "DO: all", "FIX" + "ME", "Enough for\n// n" + "ow."} {
		catch(t, commentWords, map[string]string{"mta/a.go": "package mta\n\n// " + bad + "\nvar x int\n"}, "open an issue")
	}
	pass(t, commentWords, map[string]string{"mta/a.go": "package mta\n\n// It is known for nowhere.\nvar x = \"TO" + "DO\"\n"})
}
