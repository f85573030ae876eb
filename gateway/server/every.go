package server

import (
	"context"
	"time"
)

// every calls f at intervals until ctx ends, with a time that has come even where the
// clock was ahead for less than an interval. It is for what cannot be undone.
func every(ctx context.Context, interval time.Duration, f func(now time.Time)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	clock := wary{time.Now().Round(0)}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f(clock.read(time.Now()))
		}
	}
}

// wary is a clock that believes a time when it is read for the second time: a machine
// may have started with a clock that is years ahead, until it hears of the time.
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
