package modules

import (
	"log/slog"
	"sync"

	"github.com/mmgw/mmgw/gateway/sandbox"
)

// Module is the module of one name: the version that is called by it, and the one
// before while the present one is on trial. It is safe for concurrent use.
type Module struct {
	name       string
	log        *slog.Logger
	rolledBack func(from, to *Version)

	mu        sync.Mutex
	present   *Version
	before    *Version            // nil: no version is on trial
	outdone   map[contentKey]bool // contents on which present failed and before did not
	rollbacks int64
}

// Options are what a Module is made of.
type Options struct {
	Name    string
	Present *Version
	Before  *Version     // answers if Present, on trial, fails; nil: there is no trial
	Log     *slog.Logger // nil: nothing is logged

	// RolledBack is called when the version before has taken its place back. It is
	// called without locks, while a message waits; nil: it is not called.
	RolledBack func(from, to *Version)
}

// New makes the module of a name. It takes over the versions.
func New(o Options) *Module {
	m := &Module{name: o.Name, log: o.Log, rolledBack: o.RolledBack, present: o.Present, before: o.Before}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	m.present.hold()
	if m.before != nil {
		m.before.hold()
	}
	return m
}

// Present is the version that is called. It stays open while the module or a Lease
// holds it.
func (m *Module) Present() *Version {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.present
}

// Exchange replaces the present version: every later Lease is of next. If next is on
// trial, the version that was present answers where next fails and it does not.
func (m *Module) Exchange(next *Version, onTrial bool) {
	next.hold()
	m.mu.Lock()
	old := []*Version{m.before}
	if !onTrial {
		old = append(old, m.present)
	}
	m.before = nil
	if onTrial {
		m.before = m.present
	}
	m.present, m.outdone = next, nil
	m.mu.Unlock()
	for _, v := range old {
		if v != nil {
			v.drop()
		}
	}
}

// EndTrial lets go of the version before, which can then no longer take its place
// back.
func (m *Module) EndTrial() {
	m.mu.Lock()
	before := m.before
	m.before, m.outdone = nil, nil
	m.mu.Unlock()
	if before != nil {
		before.drop()
	}
}

// Retire lets go of the versions, which are closed when the last Lease ends. The
// module must not be used any more.
func (m *Module) Retire() {
	for _, v := range m.versions() {
		v.drop()
	}
}

// Close closes the versions as soon as the calls in progress have ended, even if a
// Lease holds them.
func (m *Module) Close() {
	for _, v := range m.versions() {
		v.Plugin.Close()
	}
}

func (m *Module) versions() []*Version {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.before == nil {
		return []*Version{m.present}
	}
	return []*Version{m.present, m.before}
}

// State is the state of a module.
type State string

// The states, the most serious first.
const (
	BreakerOpen     State = "breaker open"      // it failed too often, and is not called, or with reduced fuel
	BreakerHalfOpen State = "breaker half open" // the next call, or one in progress, decides
	OnTrial         State = "on trial"          // the version before stands by
	Loaded          State = "loaded"
)

// Info describes a module.
type Info struct {
	Digest     string // SHA-256 of the present version, in hexadecimal
	Source     string
	State      State
	RolledBack int64 // times
	Stats      sandbox.Stats
}

// Info describes the module as it is now.
func (m *Module) Info() Info {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.present
	info := Info{Digest: v.Plugin.Digest(), Source: v.Source, State: Loaded, RolledBack: m.rollbacks, Stats: v.Plugin.Stats()}
	if m.before != nil {
		info.State = OnTrial
	}
	if state := v.breaker.state(); state != "" {
		info.State = state
	}
	return info
}
