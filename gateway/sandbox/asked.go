package sandbox

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// missedMax bounds the names that are remembered: a module can make up any number.
const missedMax = 64

// asked remembers which settings a module has asked for, so that the operator can
// be warned of one that is misspelt in the configuration. A setting that is set
// takes no lock: many modules read one in every call. The zero value remembers
// nothing.
type asked struct {
	keys []string      // that are set
	read []atomic.Bool // whether each of keys was asked for

	news   atomic.Bool // untold is not empty
	mu     sync.Mutex
	missed map[string]bool // asked for and not set
	untold []string        // those of missed that tell has not told yet
}

// listen makes the zero value remember.
func (a *asked) listen(settings map[string]any) {
	a.keys, a.missed = slices.Sorted(maps.Keys(settings)), map[string]bool{}
	a.read = make([]atomic.Bool, len(a.keys))
}

// note remembers that a module asked for a setting. The path is valid for this
// call alone: it lies in the module's memory.
func (a *asked) note(path string) {
	if len(a.keys) == 0 {
		return
	}
	key, _, _ := strings.Cut(path, ".")
	if i := slices.Index(a.keys, key); i >= 0 {
		if !a.read[i].Load() {
			a.read[i].Store(true)
		}
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.missed[key] && len(a.missed) < missedMax {
		key = strings.Clone(key)
		a.missed[key] = true
		a.untold = append(a.untold, key)
		a.news.Store(true)
	}
}

// noteAll remembers that the module got all settings at once, and may read any.
func (a *asked) noteAll() {
	for i := range a.read {
		a.read[i].Store(true)
	}
}

// tell calls missed for what was missed since the last time, with the settings
// that are set and were never asked for. If there are none nothing is misspelt.
func (a *asked) tell(missed func(key string, unread []string)) {
	if !a.news.Load() {
		return
	}
	a.mu.Lock()
	untold := a.untold
	a.untold = nil
	a.news.Store(false)
	a.mu.Unlock()
	var unread []string
	for i, key := range a.keys {
		if !a.read[i].Load() {
			unread = append(unread, key)
		}
	}
	if len(unread) == 0 {
		return
	}
	for _, key := range untold {
		missed(key, unread)
	}
}
