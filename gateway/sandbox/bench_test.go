package sandbox

import (
	"context"
	"testing"
)

// BenchmarkCall is what calls cost by the wall clock, alone and on all
// processors at a time.
func BenchmarkCall(b *testing.B) {
	x := post(b)
	empty := load(b, Env{}, Spec{Name: "empty", Wasm: guest("mmgw_incoming"), Isolation: Pooled})
	b.Run("empty", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := empty.Handle(context.Background(), x); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, isolation := range []Isolation{Pooled, Restore, Fresh} {
		p := load(b, Env{}, Spec{Name: "tag", Wasm: testdata(b, "tag"), Isolation: isolation})
		b.Run(string(isolation), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				handling(b, p, x)()
			}
		})
		b.Run(string(isolation)+"/parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					handling(b, p, x)()
				}
			})
		})
	}
}
