package meter

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
)

func name(s string) []byte { return append([]byte{byte(len(s))}, s...) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestModulesThatAreRefused(t *testing.T) {
	one := []byte{opLocalGet, 0}
	table := []byte{sectionTable, 1, typeFuncref, 0, 1}
	lists := map[string]struct {
		module []byte
		want   string
	}{
		"empty":                 {nil, "not a WebAssembly module"},
		"component":             {[]byte("\x00asm\x0d\x00\x01\x00"), "not a WebAssembly module"},
		"section cut short":     {[]byte(magic + "\x01\x05\x01"), "ends too early"},
		"sections out of order": {binary([]byte{sectionFunction, 0}, []byte{sectionType, 0}), "out of order"},
		"huge count":            {binary([]byte{sectionType, 0xff, 0xff, 0xff, 0xff, 0x0f}), "more than there are octets"},
		"number of six octets":  {binary([]byte{sectionType, 0x80, 0x80, 0x80, 0x80, 0x80, 0}), "32 bits"},
		"octets left over":      {binary([]byte{sectionType, 0, 0}), "left over"},
		"no memory":             {binary([]byte{sectionType, 0}), "no memory"},
		"two memories":          {module(one, []byte{sectionMemory, 2, 0, 1, 0, 1}), "more than 1"},
		"64-bit memory":         {module(one, []byte{sectionMemory, 1, 4, 1}), "64 bits"},
		"shared memory":         {module(one, []byte{sectionMemory, 1, 3, 1, 1}), "shared"},
		"5 GiB":                 {module(one, []byte{sectionMemory, 1, 0, 0x80, 0x80, 5}), "larger than"},
		"imported memory":       {module(one, join([]byte{sectionImport, 1}, name("env"), name("m"), []byte{2, 0, 1})), "imports the memory"},
		"imported global":       {module(one, join([]byte{sectionImport, 1}, name("env"), name("g"), []byte{3, typeI32, 1})), "imports the global"},
		"reserved export":       {module(one, join([]byte{sectionExport, 1}, name(GlobalSlice), []byte{externFunc, 0})), "reserved"},
		"the counter itself":    {module([]byte{opI64Const, 0, opGlobalSet, 0, opLocalGet, 0}), "no global 0 of 0"},
		"reading the counter":   {module([]byte{opGlobalGet, 1, opDrop, opLocalGet, 0}), "no global 1"},
		"the host's functions":  {module([]byte{opLocalGet, 0, opCall, 2}), "no function 2"},
		"exporting them":        {module(one, join([]byte{sectionExport, 1}, name("x"), []byte{externFunc, 1})), "no func 1"},
		"starting them":         {module(one, []byte{sectionStart, 1}), "no function 1"},
		"in a table":            {module(one, table, []byte{sectionElement, 1, 0, opI32Const, 0, opEnd, 1, 1}), "no function 1"},
		"their types":           {module([]byte{opBlock, 1, opEnd, opLocalGet, 0}), "unknown type 1"},
		"atomics":               {module([]byte{0xfe, 3, 0, opLocalGet, 0}), "0xfe is not supported"},
		"exceptions":            {module([]byte{0x06, blockEmpty, opEnd, opLocalGet, 0}), "0x6 is not supported"},
		"tail call":             {module([]byte{opLocalGet, 0, 0x12, 0}), "0x12 is not supported"},
		"table.set":             {module([]byte{opI32Const, 0, opRefNull, typeFuncref, opTableSet, 0, opLocalGet, 0}, table), "changes its table"},
		"table.grow":            {module([]byte{opRefNull, typeFuncref, opLocalGet, 0, prefixMisc, miscTableGrow, 0}, table), "changes its table"},
		"vector global":         {module(one, join([]byte{sectionGlobal, 1, typeV128, 1, prefixVector, vectorConst}, make([]byte, 16), []byte{opEnd})), "vector"},
		"long vector opcode":    {module([]byte{prefixVector, 0x8c, 0, opLocalGet, 0}), "second octet"},
		"5,001 locals":          {binaryWithLocals(5_001, 1), "more than 5000 locals"},
		"work in all":           {binaryWithLocals(5_000, 21), "with it, the module is too much"},
		"branches":              {module(many([]byte{opBlock, blockEmpty, opEnd}, 30_000)), "too much for the compiler"},
		"loops":                 {module(many([]byte{opLoop, blockEmpty, opEnd}, 6_000)), "too much for the compiler"},
		"labels":                {module(join(uleb([]byte{opBlock, blockEmpty, opLocalGet, 0, opBrTable}, 200_000), make([]byte, 200_001), []byte{opEnd, opLocalGet, 0})), "too much for the compiler"},
		"locals and branches":   {binaryWithLocals(5_000, 1, many([]byte{opBlock, blockEmpty, opEnd}, 1_000)...), "too much for the compiler"},
		"values of calls":       {module(join([]byte{opLocalGet, 0}, bytes.Repeat([]byte{opCall, 0}, 500_001))), "parameters and results"},
		"a large body":          {module(many([]byte{0x01}, 1<<20)), "more than 1048576"},
		"label":                 {module([]byte{opBr, 1}), "no label 1"},
		"else":                  {module([]byte{opElse, opLocalGet, 0}), "outside of an if"},
		"open block":            {module([]byte{opBlock, blockEmpty, opLocalGet, 0}), "do not fit"},
		"closed too early":      {module([]byte{opLocalGet, 0, opEnd, opLocalGet, 0}), "do not fit"},
		"body missing":          {module(one, []byte{sectionFunction, 2, 0, 0}), "2 functions have 1 bodies"},
		"large table":           {module(one, []byte{sectionTable, 1, typeFuncref, 0, 0xff, 0xff, 0xff, 0x7f}), "larger than"},
	}
	for name, test := range lists {
		m, err := Decode(test.module)
		if err == nil {
			_, err = m.Rewrite(1)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, not %q", name, err, test.want)
		}
	}
}

// many repeats code in front of the usual result.
func many(code []byte, n int) []byte { return append(bytes.Repeat(code, n), opLocalGet, 0) }

// binaryWithLocals has n functions that declare so many locals each, and have code.
func binaryWithLocals(locals uint32, n byte, code ...byte) []byte {
	body := append(uleb([]byte{1}, locals), typeI32)
	if code == nil {
		code = []byte{opLocalGet, 0}
	}
	body = append(append(body, code...), opEnd)
	section := []byte{sectionCode, n}
	for range n {
		section = append(uleb(section, uint32(len(body))), body...)
	}
	return module(nil, append([]byte{sectionFunction, n}, make([]byte, n)...), section)
}

// The control of the table above: the module it is made from is accepted.
func TestTheUsualModuleIsAccepted(t *testing.T) {
	metered(t, module([]byte{opLocalGet, 0}))
}

// What honest modules ask of the compiler is far from what is refused.
func TestOwnModulesAreLittleWork(t *testing.T) {
	files, err := filepath.Glob("../../../*/*/*.wasm")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d modules, %v", len(files), err)
	}
	for _, file := range files {
		binary, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := Decode(binary); err != nil || m.work > workMax/100 {
			t.Errorf("%s: %d units, %v", file, m.work, err)
		}
	}
}

func TestDecodeSurvivesDamage(t *testing.T) {
	for _, file := range []string{"control", "memory", "vector", "endless"} {
		original := testdata(t, file)
		for i := range original {
			for _, b := range []byte{0, 1, 0x7f, 0x80, 0xff, original[i] ^ 1} {
				damaged := bytes.Clone(original)
				damaged[i] = b
				checkAgainstCompiler(t, damaged)
			}
			checkAgainstCompiler(t, original[:i])
		}
	}
}

// checkAgainstCompiler holds what Rewrite promises: what the compiler takes it
// still takes afterwards.
func checkAgainstCompiler(t *testing.T, binary []byte) {
	m, err := Decode(binary)
	if err != nil {
		return
	}
	out, err := m.Rewrite(1000)
	if err != nil {
		return
	}
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithMemoryLimitPages(16))
	defer r.Close(ctx)
	if _, err := r.CompileModule(ctx, m.Plain()); err != nil {
		return
	}
	if _, err := r.CompileModule(ctx, out.Binary); err != nil {
		t.Fatalf("the compiler takes a module of %d octets and refuses it metered: %v", len(binary), err)
	}
}

func FuzzRewrite(f *testing.F) {
	for _, file := range []string{"control", "memory", "vector", "endless"} {
		f.Add(testdata(f, file))
	}
	f.Add(straight())
	f.Fuzz(checkAgainstCompiler)
}
