package sandbox

import (
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var h histogram
	if q := h.all(timeBounds).Quantile(.99); q != 0 {
		t.Errorf("of nothing: %d", q)
	}
	h.add(timeBounds, 20)
	if q := h.all(timeBounds).Quantile(.99); q != 30 {
		t.Errorf("of one number: %d", q)
	}
	h.add(timeBounds, 2000)
	if q := h.all(timeBounds).Quantile(.99); q != 3000 {
		t.Errorf("of two numbers: %d", q)
	}
	h = histogram{}
	for range 98 {
		h.add(timeBounds, 2)
	}
	h.add(timeBounds, 10)
	h.add(timeBounds, time.Hour.Microseconds())
	all := h.all(timeBounds)
	for part, want := range map[float64]int64{.5: 3, .98: 3, .99: 10, 1: timeBounds[len(timeBounds)-1]} {
		if got := all.Quantile(part); got != want {
			t.Errorf("%v: %d, not %d", part, got, want)
		}
	}
	if all.Count() != 100 || all.Counts[len(timeBounds)] != 1 {
		t.Errorf("%+v", all)
	}
	if len(timeBounds) >= len(h) || len(fuelBounds) >= len(h) {
		t.Error("there are more bounds than a histogram has room for")
	}
}

func TestAccount(t *testing.T) {
	p := hostile(t, Env{}, eatMemory, Spec{})
	for range 3 {
		p.Handle(t.Context(), exchange(t, incoming))
	}
	s := p.Stats()
	if s.Calls != 3 || s.Times.Count() != 3 || s.Fuels.Count() != 3 || s.MemoryPeak != 242*pageBytes || s.HostCalls == 0 || s.Bytes == 0 {
		t.Errorf("%+v", s)
	}
	if q := s.Fuels.Quantile(.5); q < s.Fuel/3 || q > 10*s.Fuel/3 {
		t.Errorf("half of the calls took %d units at most, and all %d", q, s.Fuel)
	}
}
