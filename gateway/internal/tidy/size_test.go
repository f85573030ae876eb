package tidy

import (
	"fmt"
	"go/ast"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

// Sizes that a reader can hold in the head. Tests keep them too.
const (
	fileLinesMax        = 600
	functionLinesMax    = 70
	functionMedianGoal  = 9
	exportedMax         = 70 // of one package; gateway is the vocabulary of all
	interfaceMethodsMax = 6
)

// sourceEndings are the files that are written by hand and read by people.
var sourceEndings = []string{".go", ".c", ".cc", ".h", ".rs", ".ts", ".zig", ".wat", ".sh"}

func fileSizes(r *repository) []string {
	var findings []string
	for _, p := range r.files {
		if !slices.Contains(sourceEndings, path.Ext(p)) || inTestdata(p) {
			continue
		}
		data, err := fs.ReadFile(r.fsys, p)
		if err != nil {
			findings = append(findings, err.Error())
		}
		if n := strings.Count(string(data), "\n"); n > fileLinesMax {
			findings = append(findings, fmt.Sprintf("%s has %d lines, %d are allowed: it holds more than one concept", p, n, fileLinesMax))
		}
	}
	return findings
}

// functionLines calls f for every function with its lines, from func to the
// closing brace.
func functionLines(r *repository, f func(s source, fn *ast.FuncDecl, lines int)) {
	for _, s := range r.code {
		for _, d := range s.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				f(s, fn, s.fset.Position(fn.End()).Line-s.fset.Position(fn.Pos()).Line+1)
			}
		}
	}
}

func functionSizes(r *repository) []string {
	var findings []string
	functionLines(r, func(s source, fn *ast.FuncDecl, lines int) {
		if lines > functionLinesMax {
			findings = append(findings, fmt.Sprintf("%s: %s has %d lines, %d are allowed", s.at(fn), fn.Name.Name, lines, functionLinesMax))
		}
	})
	return findings
}

func exportedCounts(r *repository) []string {
	counts := map[string]int{}
	for _, s := range r.code {
		if !s.isTest() && !s.isMain() {
			counts[s.dir()] += len(exported(s, false))
		}
	}
	var findings []string
	for dir, n := range counts {
		if n > exportedMax && dir != "gateway" {
			findings = append(findings, fmt.Sprintf("%s exports %d names, %d are allowed: split it, or keep more to itself", dir, n, exportedMax))
		}
	}
	return findings
}

func interfaceSizes(r *repository) []string {
	var findings []string
	for _, s := range r.code {
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if i, ok := spec.Type.(*ast.InterfaceType); ok && i.Methods.NumFields() > interfaceMethodsMax {
				findings = append(findings, fmt.Sprintf("%s: interface %s has %d methods, %d are allowed",
					s.at(spec), spec.Name.Name, i.Methods.NumFields(), interfaceMethodsMax))
			}
			return true
		})
	}
	return findings
}

func TestFileSizes(t *testing.T) {
	hold(t, fileSizes)
	lines := strings.Repeat("//\n", fileLinesMax)
	catch(t, fileSizes, map[string]string{"mta/a.go": "package mta\n" + lines}, "has 601 lines")
	pass(t, fileSizes, map[string]string{"mta/a.go": "package mta\n" + lines[3:], "mta/testdata/a.c": lines + lines})
}

func TestFunctionSizes(t *testing.T) {
	hold(t, functionSizes)
	body := strings.Repeat("\n", functionLinesMax-1)
	catch(t, functionSizes, map[string]string{"mta/a.go": "package mta\nfunc f() {" + body + "\n}\n"}, "f has 71 lines")
	pass(t, functionSizes, map[string]string{"mta/a.go": "package mta\nfunc f() {" + body + "}\n"})
}

// The median is a goal, not a rule: it is told where it is missed.
func TestFunctionMedian(t *testing.T) {
	r, err := house()
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	functionLines(r, func(s source, _ *ast.FuncDecl, lines int) {
		if !s.isTest() {
			all = append(all, lines)
		}
	})
	slices.Sort(all)
	if len(all) == 0 {
		t.Fatal("no functions")
	}
	t.Logf("%d functions: median %d lines (goal %d), nine in ten up to %d", len(all), all[len(all)/2], functionMedianGoal, all[len(all)*9/10])
}

func TestExportedCounts(t *testing.T) {
	hold(t, exportedCounts)
	var many strings.Builder
	for i := range exportedMax + 1 {
		fmt.Fprintf(&many, "const C%d = 0\n", i)
	}
	catch(t, exportedCounts, map[string]string{"mta/a.go": "package mta\n" + many.String()}, "mta exports 71 names")
	pass(t, exportedCounts, map[string]string{
		"gateway/a.go":  "package gateway\n" + many.String(),
		"cmd/mmgw/a.go": "package main\n" + many.String(),
		"mta/a_test.go": "package mta\n" + many.String(),
	})
}

func TestInterfaceSizes(t *testing.T) {
	hold(t, interfaceSizes)
	catch(t, interfaceSizes, map[string]string{
		"mta/a.go": "package mta\ntype I interface { A(); B(); C(); D(); E(); F(); G() }\n",
	}, "interface I has 7 methods")
	pass(t, interfaceSizes, map[string]string{"mta/a.go": "package mta\ntype I interface { A(); B(); C(); D(); E(); F() }\n"})
}
