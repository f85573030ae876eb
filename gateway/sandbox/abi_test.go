package sandbox

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/sdk/wire"
)

// goTypes are the parameters and results of imports as the Go SDK has them.
var goTypes = map[string]string{"unsafe.Pointer": "i", "uint32": "i", "int32": "i", "int64": "I"}

// flatten is a list of parameters in the letters of the table of functions.
func flatten(t *testing.T, list *ast.FieldList) (letters string) {
	if list == nil {
		return ""
	}
	for _, f := range list.List {
		name := fmt.Sprint(f.Type)
		if s, ok := f.Type.(*ast.SelectorExpr); ok {
			name = fmt.Sprintf("%v.%v", s.X, s.Sel)
		}
		letter, ok := goTypes[name]
		if !ok {
			t.Fatalf("type %s", name)
		}
		letters += strings.Repeat(letter, max(1, len(f.Names)))
	}
	return letters
}

// TestGoSDKImportsWhatIsOffered holds that the Go SDK has all host functions,
// with their types, and no others.
func TestGoSDKImportsWhatIsOffered(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../sdk/internal/abi/import_guest.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	imported := map[string]bool{}
	for _, d := range file.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		name := regexp.MustCompile(`//go:wasmimport mmgw (\w+)`).FindStringSubmatch(fmt.Sprint(fn.Doc.List[0].Text))[1]
		imported[name] = true
		f := find(wire.Module, name)
		if f == nil || f.params != flatten(t, fn.Type.Params) || f.result != flatten(t, fn.Type.Results) {
			t.Errorf("the SDK imports %s as (%s) -> (%s)", name, flatten(t, fn.Type.Params), flatten(t, fn.Type.Results))
		}
	}
	for _, f := range coreFunctions {
		if !imported[f.name] {
			t.Errorf("the SDK does not import %s", f.name)
		}
	}
}

// TestDocumentNamesAll holds that sdk/ABI.md says of every function how many
// parameters it has, and names every capability, key and limit that module and
// host share.
func TestDocumentNamesAll(t *testing.T) {
	b, err := os.ReadFile("../../sdk/ABI.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, f := range coreFunctions {
		found := regexp.MustCompile("`" + f.name + `\(([^)]*)\)`).FindStringSubmatch(text)
		if found == nil {
			t.Errorf("it does not name %s", f.name)
			continue
		}
		var params string
		for p := range strings.SplitSeq(found[1], ",") {
			switch {
			case strings.HasSuffix(p, " i64"):
				params += "I"
			case p != "" && !strings.Contains(p, "same"):
				params += "i"
			}
		}
		if params != f.params {
			t.Errorf("%s has the parameters %s there, and %s here", f.name, params, f.params)
		}
	}
	for _, c := range capabilities {
		if !strings.Contains(text, "\n| "+c+" |") {
			t.Errorf("it does not name the capability %s", c)
		}
	}
	for _, want := range []string{
		wire.PartType, wire.PartCharset, wire.PartFilename, wire.PartDisposition, wire.PartSize, wire.PartDepth, wire.PartParent,
	} {
		if !strings.Contains(text, "\n| `"+want+"` |") {
			t.Errorf("it does not name the key %s", want)
		}
	}
	for _, want := range []string{
		fmt.Sprintf("a key 1 to %d octets, a value %d KiB, a time to live %d days", wire.KVKeyBytesMax, wire.KVValueBytesMax>>10, wire.KVSecondsMax/86400),
		fmt.Sprintf("%d names a module, of up to %d octets", wire.MetricsMax, wire.MetricNameBytesMax),
		fmt.Sprintf("%d questions a call", DNSQuestionsMax),
		fmt.Sprintf("an answer %d KiB", DNSAnswerBytesMax>>10),
		fmt.Sprintf("at most %d octets and labels", wire.DNSNameBytesMax),
		"| parts | 1,000 and 50 deep",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}
