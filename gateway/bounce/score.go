package bounce

import "time"

// Rules are how bounces of a member add up. They are GNU Mailman's.
type Rules struct {
	Threshold       float64       // the score at which something is done
	StaleAfter      time.Duration // a score without a bounce for so long begins anew
	Warnings        int           // that a member gets before it is removed
	WarningInterval time.Duration // between them, and behind the last one
	Probe           bool          // ask before a member is disabled
}

// State is what is known of one member's bounces. The zero value is of one
// whose mail arrives.
type State struct {
	Score    float64
	Last     time.Time // of the last bounce
	Probed   time.Time // when a probe left, zero if there is none to come back
	Disabled bool      // by bounces: it gets no posts
	Warnings int       // sent since then
	Warned   time.Time // when the last one left
}

// Trust is how surely a bounce is of the member's mail.
type Trust int

// How a bounce came here, from the weakest to the strongest.
const (
	Weak   Trust = iota // by an address that others can make: it counts, and never disables
	Signed              // by an address with a tag over the member, or as the reply to our own transaction
	Probed              // by that of a probe
)

// Step is what follows for a member.
type Step string

// The steps. Nothing is left to be done for "".
const (
	SendProbe Step = "probe"   // a message that shows whether the address works
	Disable   Step = "disable" // no posts from now on; the owners are told
	Warn      Step = "warn"    // the member is told that it gets no posts
	Remove    Step = "remove"  // the membership ends; the owners are told
)

// Bounce books a permanent failure at a time: one point a day, by UTC. At the
// threshold a member is disabled, or a probe goes out and the score begins
// anew; what is weak always takes the probe, and only a probe's own bounce
// disables at once.
func (r Rules) Bounce(s State, at time.Time, trust Trust) (State, Step) {
	if s.Disabled {
		return s, ""
	}
	if trust == Probed && !s.Probed.IsZero() {
		return s.disabled(at), Disable
	}
	if sameDay(s.Last, at) {
		s.Last = latest(s.Last, at)
		return s, ""
	}
	if s.Last.IsZero() || at.Sub(s.Last) > r.StaleAfter {
		s.Score = 0
	}
	s.Score, s.Last = s.Score+1, latest(s.Last, at)
	switch {
	case s.Score < r.Threshold:
		return s, ""
	case r.Probe || trust == Weak:
		s.Score, s.Probed = 0, at
		return s, SendProbe
	}
	return s.disabled(at), Disable
}

func (s State) disabled(at time.Time) State {
	return State{Score: s.Score, Last: latest(s.Last, at), Disabled: true}
}

// Due is what follows at a time for a member that bounces disabled: a warning
// at once and then one each interval, and an interval behind the last one the
// end of the membership.
func (r Rules) Due(s State, now time.Time) (State, Step) {
	switch {
	case !s.Disabled:
		return s, ""
	case r.Warnings == 0:
		return s, Remove
	case s.Warned.Sub(now) >= r.WarningInterval: // by a clock that was ahead: that one does not count
		s.Warned = now
		return s, Warn
	case !s.Warned.IsZero() && now.Sub(s.Warned) < r.WarningInterval:
		return s, ""
	case s.Warnings >= r.Warnings:
		return s, Remove
	}
	s.Warnings, s.Warned = s.Warnings+1, now
	return s, Warn
}

func sameDay(a, b time.Time) bool {
	return !a.IsZero() && a.UTC().Truncate(day).Equal(b.UTC().Truncate(day))
}

const day = 24 * time.Hour

// latest is the later one of the last bounce and another one. A last one that is
// more than a day behind that was booked while the clock was ahead.
func latest(last, at time.Time) time.Time {
	if last.After(at) && last.Sub(at) <= day {
		return last
	}
	return at
}

// Counts says whether what a bounce says of an address counts against it: it
// was given up, and not for this message's sake.
func (r Recipient) Counts() bool {
	return r.Action == Failed && (r.Class == Hard || r.Class == Soft || r.Class == Full)
}
