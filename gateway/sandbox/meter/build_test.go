package meter

import (
	"os"
	"path/filepath"
	"testing"
)

// binary puts a module together from sections; each is an identifier followed
// by its content.
func binary(sections ...[]byte) []byte {
	out := []byte(magic)
	for _, s := range sections {
		out = append(uleb(append(out, s[0]), uint32(len(s)-1)), s[1:]...)
	}
	return out
}

// module is a valid module with a memory and one function [i32] -> [i32]
// named run that has the given code. extra sections take the place of the
// usual ones or are added.
func module(code []byte, extra ...[]byte) []byte {
	body := append(append([]byte{0}, code...), opEnd)
	codeSection := append(uleb([]byte{sectionCode, 1}, uint32(len(body))), body...)
	all := map[byte][]byte{
		sectionType:     {sectionType, 1, 0x60, 1, typeI32, 1, typeI32},
		sectionFunction: {sectionFunction, 1, 0},
		sectionMemory:   {sectionMemory, 1, 0, 1},
		sectionExport:   {sectionExport, 1, 3, 'r', 'u', 'n', externFunc, 0},
		sectionCode:     codeSection,
	}
	for _, s := range extra {
		all[s[0]] = s
	}
	var sections [][]byte
	for _, id := range sectionOrder {
		if s := all[id]; s != nil {
			sections = append(sections, s)
		}
	}
	return binary(sections...)
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
