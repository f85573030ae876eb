package sandbox

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// FuzzHostCalls makes three host calls with any arguments in any phase. They
// may be refused and may trap; the host itself never stumbles.
func FuzzHostCalls(f *testing.F) {
	functions := slices.Concat(coreFunctions[:], wasiFunctions[:])
	for n := range functions {
		f.Add(byte(n%6), byte(n), byte(n), byte(n+1), []byte("\x00\x10\x00\x00\x05\x00\x00\x00\x00\x00\x01\x00\x40\x00\x00\x00\xff\xff\xff\xff"))
	}
	h, err := New(Env{Local: func(gateway.ForwardPath) bool { return true }, KV: keeper(f, 0), Resolver: &zone{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { h.Close(context.Background()) })
	f.Fuzz(func(t *testing.T, phase, a, b, c byte, arguments []byte) {
		e := exports[int(phase)%len(exports)]
		steps := []step{do("get", "config.a", room(64))}
		for _, n := range []byte{a, b, c} {
			var args []any
			fn := functions[int(n)%len(functions)]
			for range fn.params {
				arguments = append(arguments, 0, 0, 0, 0)
				args = append(args, int(int32(binary.LittleEndian.Uint32(arguments))))
				arguments = append(arguments[4:], arguments[:4]...)[:len(arguments)-4]
			}
			steps = append(steps, do(fn.name, args...))
		}
		p, err := h.Load(t.Context(), Spec{
			Name: "fuzz", Wasm: guest(e.name, steps...), Capabilities: capabilities[:],
			Config: map[string]any{"a": "Subject: x@example.com"}, Instances: 1, Timeout: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if err = playAny(p, t, e); err != nil && strings.Contains(err.Error(), "runtime error") {
			t.Errorf("%v: %v", steps, err)
		}
	})
}

func playAny(p *Plugin, t *testing.T, e export) (err error) {
	if e.hook == hookWriter {
		_, err = p.Render(t.Context(), gateway.Inventory{wire.TableLists: gateway.Rows{{"address": "a"}}})
		return err
	}
	phase := gateway.Phase(slices.Index(exports[:], e))
	if phase == planning {
		_, err = p.Plan(t.Context(), exchange(t, phase))
		return err
	}
	v, err := p.Handle(t.Context(), exchange(t, phase))
	if x := exchange(t, phase); err == nil && x.Draft != nil {
		edited(t, x, v.Edits) // they apply
	}
	return err
}
