package modules

import (
	"log/slog"
	"sync"

	"github.com/mmgw/mmgw/gateway/sandbox"
)

// Module is the module of one name: the version that answers to it, and the
// one before as long as the present one is on trial. It is safe for concurrent
// use.
type Module struct {
	name       string
	log        *slog.Logger
	rolledBack func(from, to *Version)

	mu        sync.Mutex
	present   *Version
	before    *Version            // nil: no version is on trial
	outdone   map[contentKey]bool // contents on which only present failed
	rollbacks int64
}

// Options are what a Module is made of.
type Options struct {
	Name    string
	Present *Version
	Before  *Version     // rules where Present fails and it does not; nil: there is none
	Log     *slog.Logger // nil drops all

	// RolledBack hears that Before took its place back, outside of all locks
	// and on the way of a message; nil: nobody is told of it.
	RolledBack func(from, to *Version)
}

// New makes the module of a name. The versions are the module's from then on.
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

// Present is the version that answers. It stays open while the module has it,
// or a Lease.
func (m *Module) Present() *Version {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.present
}

// Exchange puts a version in place of the present one, in one step: every
// Lease from then on is of next. On trial, the version that was present rules
// where next fails and it does not.
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

// EndTrial lets go of the version before: it takes its place back no more.
func (m *Module) EndTrial() {
	m.mu.Lock()
	before := m.before
	m.before, m.outdone = nil, nil
	m.mu.Unlock()
	if before != nil {
		before.drop()
	}
}

// Retire lets go of the versions: they are closed when the last Lease ends.
func (m *Module) Retire() {
	for _, v := range m.versions() {
		v.drop()
	}
}

// Close closes the versions, whoever holds them, as soon as the calls in
// progress have ended.
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

// State says how a module fares.
type State string

// The states, the most pressing first.
const (
	BreakerOpen     State = "breaker open"      // its failures are too many: it is not asked, or on reduced fuel
	BreakerHalfOpen State = "breaker half open" // the next call, or one in progress, decides
	OnTrial         State = "on trial"          // the version before stands by
	Loaded          State = "loaded"
)

// Info is what is known of a module.
type Info struct {
	Digest     string // SHA-256 of the present version, in hexadecimal
	Source     string
	State      State
	RolledBack int64 // times
	Stats      sandbox.Stats
}

// Info is what is known of the module at the moment.
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
