package server

import (
	"context"
	"fmt"
	"strings"
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
	never := time.Time{}
	for name, c := range map[string]struct{ read, want []time.Time }{
		"right":             {[]time.Time{at(0), at(1), at(2)}, []time.Time{never, at(0), at(1)}},
		"ahead at the boot": {[]time.Time{ahead, at(1), at(2)}, []time.Time{never, at(1), at(1)}},
		"ahead for a while": {[]time.Time{at(0), ahead, at(2), at(3)}, []time.Time{never, at(0), at(2), at(2)}},
		"set back":          {[]time.Time{at(9), at(0), at(1)}, []time.Time{never, at(0), at(0)}},
	} {
		var clock wary
		for i, now := range c.read {
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
		var told []string
		every(ctx, time.Hour, func(now, surely time.Time) {
			told = append(told, fmt.Sprintf("%v %v", now.Sub(begun), max(surely.Sub(begun), -1)))
		})
		if got, want := strings.Join(told, ", "), "0s -1ns, 1h0m0s 0s, 2h0m0s 1h0m0s"; got != want {
			t.Errorf("told of %s, want %s", got, want)
		}
	})
}
