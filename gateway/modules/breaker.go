package modules

import (
	"sync"
	"sync/atomic"
	"time"
)

// Limits say when a breaker opens: after so many failures within a window, each on
// another content.
type Limits struct {
	Failures int // 0: it never opens
	Window   time.Duration
}

// breakerPause is how long an open breaker refuses all calls: so short that the MTA
// will have tried a message again at most once in vain.
const breakerPause = time.Minute

// pass is what a breaker answers to a call.
type pass int

const (
	admitted pass = iota
	probing       // admitted, and its outcome closes the breaker or keeps it open
	refused
)

// cause is the message that a call was for: its content, and where it came from.
type cause struct {
	content contentKey
	origin  string
}

// occasion is when a module failed or worked for a message, and where that message
// came from.
type occasion struct {
	at     time.Time
	origin string
}

// breaker stops calls of a module that keeps failing. It counts failures on distinct
// contents, so one message that is sent again and again does not open it. Neither do
// messages that all come from one origin while the module works for another: a
// single sender must not be able to keep the mail of all others out. Its zero value
// is closed.
type breaker struct {
	open    atomic.Bool // so that calls of a module that works take no lock
	failing atomic.Bool // there are failures

	mu       sync.Mutex
	failures map[contentKey]occasion
	worked   [2]occasion // while there are failures: the last calls that succeeded, for two different origins
	retry    time.Time   // when one call is let through
	probed   bool        // that call is in progress
}

// admit says whether a call may go ahead. One that does must report its end to
// passed, failed or abandon.
func (b *breaker) admit() pass {
	if !b.open.Load() {
		return admitted
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.open.Load():
		return admitted
	case b.probed || time.Now().Before(b.retry):
		return refused
	}
	b.probed = true
	return probing
}

// passed takes a call that succeeded, and says whether it has closed the breaker.
// from returns the origin of the message.
func (b *breaker) passed(p pass, from func() string) (closed bool) {
	if p != probing && !b.failing.Load() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p != probing {
		now := occasion{time.Now(), from()}
		if b.worked[0].origin != now.origin {
			b.worked[1] = b.worked[0]
		}
		b.worked[0] = now
		return false
	}
	b.probed = false
	b.forget()
	b.open.Store(false)
	return true
}

// forget drops all failures.
func (b *breaker) forget() {
	b.failures, b.worked = nil, [2]occasion{}
	b.failing.Store(false)
}

// abandon takes a call whose end says nothing about the module.
func (b *breaker) abandon(p pass) {
	if p != probing {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probed = false
}

// failed takes a call that failed, and says whether it has opened the breaker, or
// was the one let through and keeps it open.
func (b *breaker) failed(p pass, limits Limits, of cause) (opened bool) {
	if p == refused || limits.Failures == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if p == probing {
		b.probed, b.retry = false, now.Add(breakerPause)
		return true
	}
	if b.open.Load() {
		return false // the call began before the breaker opened
	}
	for k, f := range b.failures {
		if now.Sub(f.at) > limits.Window {
			delete(b.failures, k)
		}
	}
	if b.failures == nil {
		b.failures = map[contentKey]occasion{}
	}
	b.failures[of.content] = occasion{now, of.origin}
	b.failing.Store(true)
	switch {
	case len(b.failures) < limits.Failures:
		return false
	case b.isOneSender(now.Add(-limits.Window)):
		b.dropOldest()
		return false
	}
	b.forget()
	b.retry = now.Add(breakerPause)
	b.open.Store(true)
	return true
}

// isOneSender says whether all failures have one origin, and the module has worked
// for another since a time.
func (b *breaker) isOneSender(since time.Time) bool {
	origin, first := "", true
	for _, f := range b.failures {
		if !first && f.origin != origin {
			return false
		}
		origin, first = f.origin, false
	}
	for _, w := range b.worked {
		if w.at.After(since) && w.origin != origin {
			return true
		}
	}
	return false
}

// dropOldest makes room for the next failure.
func (b *breaker) dropOldest() {
	var oldest contentKey
	var at time.Time
	for k, f := range b.failures {
		if at.IsZero() || f.at.Before(at) {
			oldest, at = k, f.at
		}
	}
	delete(b.failures, oldest)
}

// state is BreakerOpen, BreakerHalfOpen, or "" for a closed breaker.
func (b *breaker) state() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.open.Load():
		return ""
	case b.probed || !time.Now().Before(b.retry):
		return BreakerHalfOpen
	}
	return BreakerOpen
}
