package sandbox

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// missedMax bounds the names that are remembered: they are the module's to make up.
const missedMax = 64

// asked is what a module has asked of its settings, so that one that is misspelt
// in the configuration can be told of. A hit takes no lock: many modules read a
// setting in every call. The zero value takes no notes.
type asked struct {
	keys []string      // that are set
	read []atomic.Bool // parallel

	news   atomic.Bool // untold is not empty
	mu     sync.Mutex
	missed map[string]bool
	untold []string // of missed
}

// listen has the zero value take notes.
func (a *asked) listen(settings map[string]any) {
	a.keys, a.missed = slices.Sorted(maps.Keys(settings)), map[string]bool{}
	a.read = make([]atomic.Bool, len(a.keys))
}

// note takes down that a module asked for a path of its settings, which lies in
// the module's memory.
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

// noteAll takes down that it got all settings at once: nobody knows which it reads.
func (a *asked) noteAll() {
	for i := range a.read {
		a.read[i].Store(true)
	}
}

// tell tells of what was missed since the last time, with what is set and was
// never asked for.
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
