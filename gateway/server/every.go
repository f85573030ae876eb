package server

import (
	"context"
	"time"
)

// every calls f at once, and then at intervals until ctx ends. Beside the time it tells
// one that has come even where the clock was ahead for less than an interval: by that
// one is done what cannot be undone. At first it is zero.
func every(ctx context.Context, interval time.Duration, f func(now, surely time.Time)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for clock := (wary{}); ; {
		now := time.Now()
		f(now, clock.read(now))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// wary is a clock that believes a time when it is read for the second time: a machine
// may have started with a clock that is years ahead, until it is told of the time.
type wary struct{ last time.Time }

// read returns the earlier one of now and the reading before.
func (w *wary) read(now time.Time) time.Time {
	now = now.Round(0) // by the wall, of which the monotonic clock knows nothing
	last := w.last
	w.last = now
	if last.Before(now) {
		return last
	}
	return now
}
