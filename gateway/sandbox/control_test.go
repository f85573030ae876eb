package sandbox

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/sdk/wire"
)

// TestMeterIsWhatStops is the control of the meter: the same work that it stops
// goes on to its end without it.
func TestMeterIsWhatStops(t *testing.T) {
	spec := Spec{Name: "hostile", Wasm: testdata(t, "hostile"), Config: map[string]any{"what": floodLog}, Fuel: 100_000, Isolation: Pooled}
	_, err := load(t, Env{}, spec).Handle(t.Context(), exchange(t, incoming))
	if failed, ok := errors.AsType[*Error](err); !ok || failed.Fault != OutOfFuel {
		t.Errorf("with the meter: %v", err)
	}
	if _, err := unmetered(t, spec).Handle(t.Context(), exchange(t, incoming)); err != nil {
		t.Errorf("without the meter: %v", err)
	}
}

// TestCapIsWhatHoldsMemory is the control of the memory limit: what fails under
// it works above it. The reason of a failure tells who took nearly all of it,
// and not who got none.
func TestCapIsWhatHoldsMemory(t *testing.T) {
	for limit, want := range map[int64]string{
		1 << 20:  "returned 2",
		16 << 20: "returned 242; it used 15488 KiB of the 16384 KiB of memory that plugins.hostile.memory allows",
		64 << 20: "returned 1010; it used 64640 KiB of the 65536 KiB of memory that plugins.hostile.memory allows",
	} {
		p := hostile(t, Env{}, eatMemory, Spec{MemoryBytes: limit, Timeout: time.Minute})
		if _, err := p.Handle(t.Context(), exchange(t, incoming)); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%d octets: %v, not %q", limit, err, want)
		}
	}
}

// TestLargeModule: modules of 50 MB, and those that want as much memory, are
// refused before anything of them is compiled.
func TestLargeModule(t *testing.T) {
	custom := append(name("large"), make([]byte, 50_000_000)...)
	wasm := append(guest(wire.ExportIncoming), append([]byte{0}, sized(custom)...)...)
	if _, err := newHost(t, Env{}).Load(t.Context(), Spec{Name: "large", Wasm: wasm}); err == nil || !strings.Contains(err.Error(), "octets, more than 33554432") {
		t.Errorf("a module of 50 MB: %v", err)
	}
	// 16 pages become 1024, as the data would want.
	greedy := bytes.Replace(guest(wire.ExportIncoming), []byte{5, 3, 1, 0, 16}, []byte{5, 4, 1, 0, 0x80, 8}, 1)
	if _, err := newHost(t, Env{}).Load(t.Context(), Spec{Name: "greedy", Wasm: greedy}); err == nil || !strings.Contains(err.Error(), "it needs 65536 KiB of memory") {
		t.Errorf("a module with 64 MiB of memory: %v", err)
	}
}
