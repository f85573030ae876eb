package store

import (
	"cmp"
	"slices"
	"sync"
)

// Locks is a mutex for each key in use, for those who read before they commit. The
// zero value is ready.
type Locks[K comparable] struct {
	mu   sync.Mutex
	held map[K]*keyLock
}

type keyLock struct {
	sync.Mutex
	users int
}

// Lock waits for key and returns what frees it.
func (l *Locks[K]) Lock(key K) (unlock func()) {
	l.mu.Lock()
	k := l.held[key]
	if k == nil {
		if l.held == nil {
			l.held = map[K]*keyLock{}
		}
		k = &keyLock{}
		l.held[key] = k
	}
	k.users++
	l.mu.Unlock()
	k.Lock()
	return func() {
		k.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if k.users--; k.users == 0 {
			delete(l.held, key)
		}
	}
}

// LockAll is l.Lock for several keys, in one order for all, so that nobody waits in a
// circle. It sorts keys.
func LockAll[K cmp.Ordered](l *Locks[K], keys []K) (unlock func()) {
	slices.Sort(keys)
	keys = slices.Compact(keys)
	unlocks := make([]func(), len(keys))
	for i, key := range keys {
		unlocks[i] = l.Lock(key)
	}
	return func() {
		for _, unlock := range unlocks {
			unlock()
		}
	}
}
