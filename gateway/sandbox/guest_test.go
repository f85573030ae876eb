package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// step is one host call of a guest that guest assembles. Its arguments are
// numbers, strings (pointer and length), rooms (pointer and length of memory
// to write to) and spans (the same, at a place of their own).
type step struct {
	name string
	args []any
}

type room int

type span struct{ ptr, size int }

func do(name string, args ...any) step { return step{name, args} }

// Where a guest keeps what: results of 8 octets each, then strings, then rooms.
const (
	resultsAt = 0
	stringsAt = 4 << 10
	roomsAt   = 64 << 10
)

// assembly is a guest in the making.
type assembly struct {
	types, imports, code, data []byte
	segments, strings, rooms   int
}

// guest is a module that exports mmgw_abi and one hook, which makes the host
// calls and returns 0. Results lie in memory, one after the other.
func guest(hookName string, steps ...step) []byte {
	a := assembly{strings: stringsAt, rooms: roomsAt}
	for n, s := range steps {
		a.step(n, s)
	}
	params := ""
	if hookName == wire.ExportRecipient || hookName == wire.ExportResult {
		params = "i"
	}
	first := byte(len(steps))
	types := append(append(functionType("", "i"), functionType(params, "i")...), a.types...)
	exports := append(append(name("memory"), 2, 0), append(append(name(wire.ExportABI), 0, first), append(name(hookName), 0, first+1)...)...)
	body := append(append([]byte{0}, a.code...), 0x41, 0, 0x0b)
	abi := append(signed([]byte{0, 0x41}, wire.Version), 0x0b)
	out := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range []struct {
		id      byte
		count   int
		content []byte
	}{
		{1, len(steps) + 2, types},
		{2, len(steps), a.imports},
		{3, 2, []byte{0, 1}},
		{5, 1, []byte{0, 16}},
		{7, 3, exports},
		{10, 2, append(sized(abi), sized(body)...)},
		{11, a.segments, a.data},
	} {
		out = append(append(out, s.id), sized(append(unsigned(nil, s.count), s.content...))...)
	}
	return out
}

// pointer pushes an i32.
func (a *assembly) pointer(x int) { a.code = signed(append(a.code, 0x41), int64(x)) }

// step adds call n: an import of its own, and the code that keeps its result.
func (a *assembly) step(n int, s step) {
	module, f := wire.Module, find(wire.Module, s.name)
	if f == nil {
		module, f = wasiModule, find(wasiModule, s.name)
	}
	a.types = append(a.types, functionType(f.params, f.result)...)
	a.imports = append(append(append(a.imports, name(module)...), name(s.name)...), 0, byte(n+2))
	if f.result != "" {
		a.pointer(resultsAt + 8*n)
	}
	params := f.params
	for _, arg := range s.args {
		params = params[a.argument(params[0], arg):]
	}
	a.code = append(a.code, 0x10, byte(n))
	switch f.result {
	case "i":
		a.code = append(a.code, 0xac, 0x37, 3, 0) // i64.extend_i32_s, i64.store
	case "I":
		a.code = append(a.code, 0x37, 3, 0)
	}
}

// argument pushes one argument and returns how many parameters it is.
func (a *assembly) argument(kind byte, arg any) int {
	switch x := arg.(type) {
	case int:
		if kind == 'I' {
			a.code = signed(append(a.code, 0x42), int64(x))
		} else {
			a.pointer(x)
		}
		return 1
	case string:
		a.data = append(signed(append(a.data, 0, 0x41), int64(a.strings)), 0x0b)
		a.data = append(a.data, name(x)...)
		a.pointer(a.strings)
		a.pointer(len(x))
		a.strings += len(x)
		a.segments++
	case room:
		a.pointer(a.rooms)
		a.pointer(int(x))
		a.rooms += int(x)
	case span:
		a.pointer(x.ptr)
		a.pointer(x.size)
	}
	return 2
}

func functionType(params, result string) []byte {
	return append(append([]byte{0x60}, name(octets(params))...), name(octets(result))...)
}

func name(s string) []byte  { return sized([]byte(s)) }
func sized(b []byte) []byte { return append(unsigned(nil, len(b)), b...) }
func unsigned(b []byte, x int) []byte {
	return binary.AppendUvarint(b, uint64(x))
}

func signed(b []byte, x int64) []byte {
	for ; x > 63 || x < -64; x >>= 7 {
		b = append(b, byte(x)|0x80)
	}
	return append(b, byte(x)&0x7f)
}

// played is what became of a guest's call.
type played struct {
	results []int64
	rooms   []byte
	verdict gateway.Verdict
	plan    gateway.Plan
	files   []gateway.File
	err     error
}

// play runs the steps in the phase of x, or as a writer where x is nil.
func play(t *testing.T, spec Spec, x *gateway.Exchange, inventory gateway.Inventory, steps ...step) played {
	t.Helper()
	env := Env{Version: "1.2.3", Local: func(path gateway.ForwardPath) bool { return path.Domain() == "lists.example.com" }}
	return playIn(t, env, spec, x, inventory, steps...)
}

// playIn is play in another world.
func playIn(t *testing.T, env Env, spec Spec, x *gateway.Exchange, inventory gateway.Inventory, steps ...step) played {
	t.Helper()
	hookName := wire.ExportMTAConfig
	if x != nil {
		hookName = exports[place(x.Phase)].name
	}
	spec.Wasm, spec.Isolation, spec.Instances = guest(hookName, steps...), Pooled, 1
	p := load(t, env, spec)
	var out played
	switch {
	case x == nil:
		out.files, out.err = p.Render(t.Context(), inventory)
	case x.Phase == gateway.PhasePlan:
		out.plan, out.err = p.Plan(t.Context(), x)
	default:
		out.verdict, out.err = p.Handle(t.Context(), x)
	}
	if i := p.pool.pop(); i != nil {
		defer p.pool.push(i)
		memory, _ := i.memory.Read(0, i.memory.Size())
		for n := range steps {
			out.results = append(out.results, int64(binary.LittleEndian.Uint64(memory[resultsAt+8*n:])))
		}
		out.rooms = bytes.Clone(memory[roomsAt:])
	}
	return out
}

// load loads a module on a Host of its own.
func load(t testing.TB, env Env, spec Spec) *Plugin {
	t.Helper()
	p, err := newHost(t, env).Load(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func newHost(t testing.TB, env Env) *Host {
	t.Helper()
	h, err := New(env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close(context.Background()) })
	return h
}

func testdata(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
