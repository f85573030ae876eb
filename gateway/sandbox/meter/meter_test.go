package meter

import (
	"context"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

func instantiate(t testing.TB, binary []byte) api.Module {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(16))
	t.Cleanup(func() { r.Close(ctx) })
	m, err := r.Instantiate(ctx, binary)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func metered(t testing.TB, binary []byte) Metered {
	t.Helper()
	m, err := Decode(binary)
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Rewrite(1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func setFuel(m api.Module, fuel int64) {
	slice := min(fuel, SliceUnits)
	set(m, GlobalSlice, slice)
	set(m, GlobalRest, fuel-slice)
}

func fuelLeft(m api.Module) int64 { return get(m, GlobalSlice) + get(m, GlobalRest) }

func get(m api.Module, name string) int64 { return int64(m.ExportedGlobal(name).Get()) }

func set(m api.Module, name string, x int64) {
	m.ExportedGlobal(name).(api.MutableGlobal).Set(uint64(x))
}

// straight is 40 blocks of 36 instructions that are each left by a branch.
func straight() []byte {
	var code []byte
	add := []byte{opLocalGet, 0, opI32Const, 3, opI32Add, opLocalTee, 0, opDrop}
	for range 40 {
		code = append(code, opBlock, blockEmpty)
		for range 6 {
			code = append(code, add...)
		}
		code = append(code, opBr, 0)
		for range 20 {
			code = append(code, add...)
		}
		code = append(code, opEnd)
	}
	return module(append(code, opLocalGet, 0))
}

func TestMeteredCodeDoesTheSame(t *testing.T) {
	modules := map[string][]byte{
		"control": testdata(t, "control"), "memory": testdata(t, "memory"),
		"vector": testdata(t, "vector"), "straight": straight(),
	}
	for name, binary := range modules {
		plain, counted := instantiate(t, binary), instantiate(t, metered(t, binary).Binary)
		for n := range uint64(40) {
			setFuel(counted, 1_000_000)
			want, wantErr := plain.ExportedFunction("run").Call(t.Context(), n)
			got, gotErr := counted.ExportedFunction("run").Call(t.Context(), n)
			if wantErr != nil || gotErr != nil || got[0] != want[0] {
				t.Fatalf("%s: run(%d) is %v, %v and metered %v, %v", name, n, want, wantErr, got, gotErr)
			}
			a, _ := plain.Memory().Read(0, 1<<16)
			b, _ := counted.Memory().Read(0, 1<<16)
			if string(a) != string(b) {
				t.Fatalf("%s: run(%d) left other memory", name, n)
			}
		}
	}
}

func TestFuelStops(t *testing.T) {
	m := instantiate(t, metered(t, testdata(t, "endless")).Binary)
	for _, export := range []string{"loop", "recursion", "fill"} {
		setFuel(m, 5_000_000)
		_, err := m.ExportedFunction(export).Call(t.Context())
		if err == nil || !strings.Contains(err.Error(), "unreachable") {
			t.Errorf("%s: %v", export, err)
		}
		if get(m, GlobalSlice) >= 0 {
			t.Errorf("%s: %s is not below zero", export, GlobalSlice)
		}
	}
	setFuel(m, 10)
	if _, err := m.ExportedFunction("nothing").Call(t.Context()); err != nil || fuelLeft(m) != 9 {
		t.Errorf("an empty function: %v, %d units left of 10", err, fuelLeft(m))
	}
	if _, err := m.ExportedFunction("deep").Call(t.Context()); err == nil {
		t.Error("endless depth came back")
	}
}

// The same work takes the same fuel, whatever it was interrupted by.
func TestFuelIsExact(t *testing.T) {
	m := instantiate(t, metered(t, testdata(t, "memory")).Binary)
	const fuel, copies = 100_000_000, 1000
	setFuel(m, fuel)
	if _, err := m.ExportedFunction("copies").Call(t.Context(), copies); err != nil {
		t.Fatal(err)
	}
	if used, want := fuel-fuelLeft(m), int64(1+copies*(1+30000/OctetsPerUnit)); used != want {
		t.Errorf("used %d units, not %d", used, want)
	}
}

// The control: without the length being followed through the branches the
// function would pass no check but its first.
func TestStraightCodeIsCounted(t *testing.T) {
	m := instantiate(t, metered(t, straight()).Binary)
	setFuel(m, 1000)
	if _, err := m.ExportedFunction("run").Call(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	instructions := int64(40 * (6*5 + 3))
	if used := 1000 - fuelLeft(m); used < instructions/RegionLength*RegionUnits || used > instructions {
		t.Errorf("%d instructions took %d units", instructions, used)
	}
}

func TestMemoryCanBePutBack(t *testing.T) {
	out := metered(t, testdata(t, "memory"))
	m := instantiate(t, out.Binary)
	setFuel(m, 1_000_000)
	run := func(n uint64) uint64 {
		got, err := m.ExportedFunction("run").Call(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	if got := run(3); got != 4001 {
		t.Errorf("grow(3) of 1 page: %d", got)
	}
	set(m, GlobalPages, 1)
	if got := run(2); got != 3001 {
		t.Errorf("after going back, grow(2) of 1 page: %d", got)
	}
	if size := m.Memory().Size() >> 16; size != 4 {
		t.Errorf("real memory has %d pages, not the 4 of its largest use", size)
	}
	if got := run(4); int32(got) != 3000-1 {
		t.Errorf("grow beyond the module's maximum: %d", int32(got))
	}
	if got := run(1 << 31); int32(got) != 3000-1 {
		t.Errorf("grow by 2^31 pages: %d", int32(got))
	}
}

// Growing leads through Go each time, and is paid for where it fails too.
func TestGrowingIsPaidFor(t *testing.T) {
	m := instantiate(t, metered(t, testdata(t, "memory")).Binary)
	setFuel(m, 1_000_000)
	for _, pages := range []uint64{0, 1, 1 << 31} {
		left := fuelLeft(m)
		if _, err := m.ExportedFunction("run").Call(t.Context(), pages); err != nil || left-fuelLeft(m) < GrowUnits {
			t.Errorf("grow(%d): %v, %d units", pages, err, left-fuelLeft(m))
		}
	}
}

// The host can stop what has fuel enough.
func TestStop(t *testing.T) {
	m := instantiate(t, metered(t, testdata(t, "endless")).Binary)
	setFuel(m, 1<<60)
	set(m, GlobalStop, 1)
	if _, err := m.ExportedFunction("loop").Call(t.Context()); err == nil || get(m, GlobalSlice) >= 0 || fuelLeft(m) < 1<<59 {
		t.Errorf("%v, %d units left", err, fuelLeft(m))
	}
}

func TestMutableGlobalsAreExported(t *testing.T) {
	out := metered(t, testdata(t, "control"))
	m := instantiate(t, out.Binary)
	setFuel(m, 1_000_000)
	if len(out.Globals) != 2 {
		t.Fatalf("globals %q", out.Globals)
	}
	if _, err := m.ExportedFunction("run").Call(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	if n := get(m, out.Globals[0]); n != 5 {
		t.Errorf("the counter of calls is %d", n)
	}
}

func TestTablesGrowToABound(t *testing.T) {
	grow := []byte{0xd0, typeFuncref, opLocalGet, 0, prefixMisc, miscTableGrow, 0} // ref.null, then by how much
	for name, limits := range map[string][]byte{"no maximum": {0, 1}, "a large one": {1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f}} {
		decoded, err := Decode(module(grow, append([]byte{sectionTable, 1, typeFuncref}, limits...)))
		if err != nil {
			t.Fatal(err)
		}
		run := instantiate(t, decoded.Plain()).ExportedFunction("run")
		for _, c := range []struct{ by, want uint64 }{{tableEntriesMax, 1<<32 - 1}, {tableEntriesMax - 1, 1}, {1, 1<<32 - 1}} {
			if got, err := run.Call(t.Context(), c.by); err != nil || got[0] != c.want {
				t.Errorf("%s: growing by %d: %v, %v, not %d", name, c.by, got, err, c.want)
			}
		}
	}
}
