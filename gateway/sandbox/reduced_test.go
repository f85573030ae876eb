package sandbox

import (
	"errors"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	examples "github.com/mmgw/mmgw/wasm-examples"
)

// TestHandleReduced: a loop ends after a part of the fuel, and a good call is
// as good as with all of it.
func TestHandleReduced(t *testing.T) {
	const fuel, share = 2_000_000, 10
	wasm, _ := examples.Lookup("spin")
	for _, c := range []struct {
		always bool
		share  int64
		most   int64
	}{
		{true, 1, fuel},
		{true, share, fuel / share},
		{false, share, fuel / share},
	} {
		p := load(t, Env{}, Spec{Name: "spin", Wasm: wasm, Fuel: fuel, Config: map[string]any{"always": c.always}})
		_, err := p.HandleReduced(t.Context(), exchange(t, gateway.PhaseIncoming), c.share)
		if failed, ok := errors.AsType[*Error](err); ok != c.always || ok && failed.Fault != OutOfFuel {
			t.Errorf("%+v: %v", c, err)
		}
		spent := p.Stats().Fuel
		if spent > c.most || c.always && spent < c.most/2 {
			t.Errorf("%+v: %d units were spent", c, spent)
		}
	}
}
