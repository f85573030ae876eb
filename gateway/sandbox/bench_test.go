package sandbox

import (
	"context"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// tagNative is what the guest tag does, in Go.
func tagNative(x *gateway.Exchange) (gateway.Verdict, error) {
	draft := x.Draft.Clone()
	i := draft.Header.Find("Subject", 0)
	edit := gateway.Edit{Op: gateway.ReplaceField, Index: i, Name: "Subject", Value: "[native] " + draft.Header[i].Value()}
	if err := draft.Apply(edit); err != nil {
		return gateway.Verdict{}, err
	}
	return gateway.Verdict{Edits: []gateway.Edit{edit}}, nil
}

func BenchmarkTagTheSubject(b *testing.B) {
	x := exchange(b, incoming)
	b.Run("native", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := tagNative(x); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, isolation := range []Isolation{Pooled, Restore, Fresh} {
		p := load(b, Env{}, Spec{Name: "tag", Wasm: testdata(b, "tag"), Isolation: isolation})
		b.Run(string(isolation), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Handle(context.Background(), x); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(string(isolation)+"/parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := p.Handle(context.Background(), x); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkEmptyCall is what a call costs by itself.
func BenchmarkEmptyCall(b *testing.B) {
	x := exchange(b, incoming)
	p := load(b, Env{}, Spec{Name: "empty", Wasm: guest("mmgw_incoming"), Isolation: Pooled})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Handle(context.Background(), x); err != nil {
			b.Fatal(err)
		}
	}
}
