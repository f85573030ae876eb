package main

import "testing"

func TestPercentFor(t *testing.T) {
	for _, c := range []struct {
		inUse uint64
		want  int
	}{
		{0, gcPercent},
		{5 << 20, gcPercent},
		{garbageBytesMax / 4, gcPercent},
		{garbageBytesMax, 100},
		{4 * garbageBytesMax, 25},
		{1000 * garbageBytesMax, gcPercentMin},
	} {
		if got := percentFor(c.inUse); got != c.want {
			t.Errorf("with %d octets in use: %d %%, want %d", c.inUse, got, c.want)
		}
	}
}
