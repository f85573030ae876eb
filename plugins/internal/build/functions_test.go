package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway/sandbox/meter"
)

// hostFunction is an import as the Go SDK declares it, with the types of the
// binary format.
type hostFunction struct {
	name      string
	signature meter.Signature
}

// TestFunctions holds all SDKs to the functions of the Go SDK: a module that
// calls every one of them imports them with the same types.
func TestFunctions(t *testing.T) {
	if testing.Short() {
		t.Skip("building modules takes seconds: not with -short")
	}
	root, err := moduleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := hostFunctions(t, filepath.Join(root, "sdk", "internal", "abi", "import_guest.go"))
	for _, tool := range toolchains()[1:] {
		t.Run(tool.language, func(t *testing.T) {
			if err := tool.missing(t.Context()); err != nil {
				t.Skip(err)
			}
			got := imports(t, tool, root, want)
			for _, f := range want {
				if s, there := got[f.name]; !there || s != f.signature {
					t.Errorf("%s has the type %q, want %q", f.name, s, f.signature)
				}
			}
		})
	}
}

// hostFunctions reads the declarations behind //go:wasmimport.
func hostFunctions(t *testing.T, path string) []hostFunction {
	t.Helper()
	syntax, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var all []hostFunction
	for _, decl := range syntax.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Doc == nil {
			continue
		}
		_, name, ok := strings.Cut(fn.Doc.List[0].Text, "//go:wasmimport mmgw ")
		if ok {
			all = append(all, hostFunction{name, meter.Signature{Params: wasmTypes(fn.Type.Params), Results: wasmTypes(fn.Type.Results)}})
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s imports nothing", path)
	}
	return all
}

func wasmTypes(list *ast.FieldList) string {
	const i32, i64 = "\x7f", "\x7e"
	if list == nil {
		return ""
	}
	var types strings.Builder
	for _, field := range list.List {
		kind := i32
		if name, ok := field.Type.(*ast.Ident); ok && name.Name == "int64" {
			kind = i64
		}
		types.WriteString(strings.Repeat(kind, max(1, len(field.Names))))
	}
	return types.String()
}

// callAll is how a module of each language that calls all functions is
// written: its beginning, how one is called, with one %s for the name and one
// for the arguments, what each argument is, and the end. AssemblyScript and Zig
// compile what is used alone, so that theirs use the rest of the file, too.
var callAll = map[string]struct{ begin, call, argument, end string }{
	"C":   {"#include \"mmgw.h\"\nMMGW_EXPORT(mmgw_incoming) {\n", "(void)mmgw_%s(%s);\n", "0", "return 0;\n}\n"},
	"C++": {"#include \"mmgw.h\"\nMMGW_EXPORT(mmgw_incoming) {\n", "(void)mmgw_%s(%s);\n", "0", "return 0;\n}\n"},
	"Rust": {"#![no_std]\n#[path = \"ROOT/sdk/rust/mmgw.rs\"]\nmod mmgw;\n#[no_mangle]\npub unsafe extern \"C\" fn mmgw_incoming() -> i32 {\n",
		"mmgw::raw::%s(%s);\n", "0 as _", "0\n}\n"},
	"AssemblyScript": {"import { raw } from \"ROOT/sdk/assemblyscript/mmgw\";\nexport * from \"ROOT/sdk/assemblyscript/mmgw\";\nexport function mmgw_incoming(): i32 {\n",
		"raw.%s(%s);\n", "0", "return 0;\n}\n"},
	"Zig": {"const mmgw = @import(\"ROOT/sdk/zig/mmgw.zig\");\ncomptime { for (@typeInfo(mmgw).Struct.decls) |d| { _ = &@field(mmgw, d.name); } }\nexport fn mmgw_incoming() i32 {\n",
		"_ = mmgw.raw.@\"%s\"(%s);\n", "undefined", "return 0;\n}\n"},
}

// imports are those of a module that calls all functions.
func imports(t *testing.T, tool toolchain, root string, functions []hostFunction) map[string]meter.Signature {
	t.Helper()
	dir := filepath.Join(root, "sdk", "wat", "mmgw") // mmgw.wat has them all, and is built as it is
	if shape, ok := callAll[tool.language]; ok {
		tree := t.TempDir() // a tree of its own: compilers resolve paths within one
		if err := os.CopyFS(filepath.Join(tree, "sdk"), os.DirFS(filepath.Join(root, "sdk"))); err != nil {
			t.Fatal(err)
		}
		root, dir = tree, filepath.Join(tree, "wasm-examples", "all")
		text := strings.ReplaceAll(shape.begin, "ROOT", "../..")
		for _, f := range functions {
			arguments := strings.Repeat(shape.argument+", ", len(f.signature.Params))
			text += fmt.Sprintf(shape.call, f.name, strings.TrimSuffix(arguments, ", "))
		}
		put(t, tool.source(dir), []byte(text+shape.end))
	}
	m, err := meter.Decode(buildModule(t, tool, root, dir))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]meter.Signature{}
	for _, i := range m.Imports {
		if i.Module != "mmgw" {
			t.Errorf("it imports %s.%s", i.Module, i.Name)
		}
		got[i.Name] = i.Signature
	}
	return got
}

// buildModule builds the source in a folder, or the one of the folder's name
// beside it.
func buildModule(t *testing.T, tool toolchain, root, dir string) []byte {
	t.Helper()
	source := tool.source(dir)
	if _, err := os.Stat(source); err != nil {
		source = dir + tool.ending
	}
	scratch := t.TempDir()
	wasm := filepath.Join(scratch, "module.wasm")
	cmd, err := tool.build(t.Context(), root, source, wasm, scratch)
	if err != nil {
		t.Fatal(err)
	}
	if err := output(cmd, nil); err != nil {
		t.Fatal(err)
	}
	built, err := os.ReadFile(wasm)
	if err != nil {
		t.Fatal(err)
	}
	return built
}
