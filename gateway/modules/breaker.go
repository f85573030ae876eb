package modules

import (
	"sync"
	"sync/atomic"
	"time"
)

// Limits say how many failures, each on another content and all within a
// window, open a breaker.
type Limits struct {
	Failures int // 0: it never opens
	Window   time.Duration
}

// breakerPause is how long an open breaker lets nobody through: long enough for
// the MTA to have tried again in vain once at most.
const breakerPause = time.Minute

// pass is what a breaker says to a call.
type pass int

const (
	admitted pass = iota
	probing       // admitted, and its outcome decides on the breaker
	refused
)

// cause is which message a call was for, and where that came from.
type cause struct {
	content contentKey
	origin  string
}

// failure is when a module failed on a content, and where that came from.
type failure struct {
	at     time.Time
	origin string
}

// breaker counts failures on distinct contents: one message that is sent again
// and again opens nothing. Neither do messages that all come from one place,
// where since the first of them the module worked for another: those are that
// sender's doing, who is not to keep the mail of all others out. Its zero value
// is closed.
type breaker struct {
	open    atomic.Bool // so that a call of a sound module takes no lock
	failing atomic.Bool // there were failures since it was closed last

	mu       sync.Mutex
	failures map[contentKey]failure
	worked   [2]failure // the last calls that ended well for two different origins, while there are failures
	retry    time.Time  // from then on one call is let through
	probed   bool       // it is under way
}

// admit lets a call pass or not. A call that is let pass tells passed, failed
// or abandon of how it ended.
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

// passed says whether a call that ended well has closed the breaker. From
// tells where the message came from.
func (b *breaker) passed(p pass, from func() string) (closed bool) {
	if p != probing && !b.failing.Load() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p != probing {
		now := failure{time.Now(), from()}
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
	b.failures, b.worked = nil, [2]failure{}
	b.failing.Store(false)
}

// abandon takes back a call that says nothing of the module.
func (b *breaker) abandon(p pass) {
	if p != probing {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probed = false
}

// failed says whether a call that failed has opened the breaker, or, as the one
// that was to decide, keeps it open.
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
		return false // it began before the breaker opened
	}
	for k, f := range b.failures {
		if now.Sub(f.at) > limits.Window {
			delete(b.failures, k)
		}
	}
	if b.failures == nil {
		b.failures = map[contentKey]failure{}
	}
	b.failures[of.content] = failure{now, of.origin}
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

// isOneSender says whether all failures come from one place, and the module
// worked for another since.
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

// state is "" for a closed breaker.
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
