package sandbox

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocumentAndWireAgree holds sdk/ABI.md and sdk/wire to each other: every
// name of the package is in the document, and every export, result, action,
// level and capability of the document is one of the package, with its number.
func TestDocumentAndWireAgree(t *testing.T) {
	text, err := os.ReadFile("../../sdk/ABI.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(text)
	names, numbers := constants(t, "../../sdk/wire/wire.go")
	for constant, name := range names {
		if !strings.Contains(document, "`"+name) && !strings.Contains(document, "\n| "+name+" |") {
			t.Errorf("the document does not name wire.%s, %q", constant, name)
		}
	}
	section := func(title string) string {
		_, rest, found := strings.Cut(document, "\n## "+title+"\n")
		if !found {
			t.Fatalf("the document has no section %s", title)
		}
		rest, _, _ = strings.Cut(rest, "\n## ")
		return rest
	}
	known := func(name string) bool {
		for _, value := range names {
			if value == name {
				return true
			}
		}
		return false
	}
	for _, found := range regexp.MustCompile("(?m)^\\| `(\\w+)\\(").FindAllStringSubmatch(section("Exports"), -1) {
		if !known(found[1]) {
			t.Errorf("the document has the export %s, and wire has not", found[1])
		}
	}
	for _, found := range regexp.MustCompile("(?m)^\\| (\\w+) \\|").FindAllStringSubmatch(section("Capabilities"), -1) {
		if !known(found[1]) {
			t.Errorf("the document has the capability %s, and wire has not", found[1])
		}
	}
	for constant, line := range map[string]string{
		"NotFound": "| -1 | not found |", "BadArgument": "| -2 | bad argument", "NotPermitted": "| -3 | not permitted",
		"Limit": "| -4 | a limit", "WrongPhase": "| -5 | not in this phase |", "Temporary": "| -6 | temporary failure |",
		"Continue": "| 0 | continue", "Accept": "| 1 | accept", "Reject": "| 2 | reject", "Defer": "| 3 | defer", "Discard": "| 4 | discard", "Hold": "| 5 | hold",
		"Debug": "0 debug", "Info": "1 info", "Warn": "2 warn", "Error": "3 error",
		"DNSA": "| 1 | A |", "DNSAAAA": "| 28 | AAAA |", "DNSTXT": "| 16 | TXT |", "DNSMX": "| 15 | MX |", "DNSPTR": "| 12 | PTR |",
	} {
		number, there := numbers[constant]
		if !there || !strings.Contains(line, fmt.Sprint(number)) || !strings.Contains(document, line) {
			t.Errorf("wire.%s is %d, and the document should say %q", constant, number, line)
		}
		delete(numbers, constant)
	}
	for constant := range numbers {
		if constant != "Version" && !strings.HasSuffix(constant, "Max") {
			t.Errorf("wire.%s is not compared with the document", constant)
		}
	}
	if want := fmt.Sprintf("returns 0x%08x", numbers["Version"]); !strings.Contains(document, want) {
		t.Errorf("the document does not say %q", want)
	}
}

// TestDocumentHasTheHostsFunctions holds the tables of functions to the host:
// the phases of each are those in which it answers, and there are no others.
func TestDocumentHasTheHostsFunctions(t *testing.T) {
	text, err := os.ReadFile("../../sdk/ABI.md")
	if err != nil {
		t.Fatal(err)
	}
	letters := []struct {
		hook   hook
		letter string
	}{{hookRecipient, "R"}, {hookIncoming, "I"}, {hookOutgoing, "O"}, {hookPlan, "P"}, {hookResult, "A"}}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)\\([^)]*\\)` \\| [^|]* \\| ([RIOPA ]+) \\|").FindAllStringSubmatch(string(text), -1) {
		f := slices.IndexFunc(coreFunctions[:], func(f function) bool { return f.name == row[1] })
		if f < 0 {
			t.Errorf("the document has %s, and the host has not", row[1])
			continue
		}
		var phases []string
		for _, l := range letters {
			if coreFunctions[f].hooks&l.hook != 0 {
				phases = append(phases, l.letter)
			}
		}
		if got := strings.Join(phases, " "); got != row[2] {
			t.Errorf("%s answers in %s, and the document says %s", row[1], got, row[2])
		}
	}
}

// constants are those of a package of one file: texts and numbers, by name.
func constants(t *testing.T, path string) (texts map[string]string, numbers map[string]int64) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{Importer: importer.Default()}
	pkg, err := config.Check("wire", fset, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	texts, numbers = map[string]string{}, map[string]int64{}
	for _, name := range pkg.Scope().Names() {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if !ok {
			continue
		}
		if c.Val().Kind() == constant.String {
			texts[name] = constant.StringVal(c.Val())
		} else {
			numbers[name], _ = constant.Int64Val(c.Val())
		}
	}
	return texts, numbers
}
