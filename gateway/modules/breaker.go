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

// breaker counts failures on distinct contents: one message that is sent again
// and again opens nothing. Its zero value is closed.
type breaker struct {
	open atomic.Bool // so that a call of a sound module takes no lock

	mu       sync.Mutex
	failures map[contentKey]time.Time
	retry    time.Time // from then on one call is let through
	probed   bool      // it is under way
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

// passed says whether a call that ended well has closed the breaker.
func (b *breaker) passed(p pass) (closed bool) {
	if p != probing {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probed, b.failures = false, nil
	b.open.Store(false)
	return true
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

// failed says whether a call that failed has opened the breaker.
func (b *breaker) failed(p pass, limits Limits, key contentKey) (opened bool) {
	if p == refused || limits.Failures == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if p == probing {
		b.probed, b.retry = false, now.Add(breakerPause)
		return false
	}
	if b.open.Load() {
		return false // it began before the breaker opened
	}
	for k, at := range b.failures {
		if now.Sub(at) > limits.Window {
			delete(b.failures, k)
		}
	}
	if b.failures == nil {
		b.failures = map[contentKey]time.Time{}
	}
	b.failures[key] = now
	if len(b.failures) < limits.Failures {
		return false
	}
	b.failures, b.retry = nil, now.Add(breakerPause)
	b.open.Store(true)
	return true
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
