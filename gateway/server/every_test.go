package server

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A clock that is ahead when the gateway starts, or for a moment later, throws
// nothing away.
func TestWaryClock(t *testing.T) {
	right := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	at := func(hours int) time.Time { return right.Add(time.Duration(hours) * time.Hour) }
	ahead := right.AddDate(10, 0, 0)
	for name, c := range map[string]struct{ read, want []time.Time }{
		"right":             {[]time.Time{at(0), at(1), at(2)}, []time.Time{at(0), at(1)}},
		"ahead at the boot": {[]time.Time{ahead, at(1), at(2)}, []time.Time{at(1), at(1)}},
		"ahead for a while": {[]time.Time{at(0), ahead, at(2), at(3)}, []time.Time{at(0), at(2), at(2)}},
		"set back":          {[]time.Time{at(9), at(0), at(1)}, []time.Time{at(0), at(0)}},
	} {
		clock := wary{c.read[0]}
		for i, now := range c.read[1:] {
			if got := clock.read(now); !got.Equal(c.want[i]) {
				t.Errorf("%s: %v reads as %v, want %v", name, now, got, c.want[i])
			}
		}
	}
}

func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		ctx, end := context.WithTimeout(t.Context(), 150*time.Minute)
		defer end()
		var told []time.Duration
		every(ctx, time.Hour, func(now time.Time) { told = append(told, now.Sub(begun.Round(0))) })
		if len(told) != 2 || told[0] != 0 || told[1] != time.Hour {
			t.Errorf("told of %v", told)
		}
	})
}
