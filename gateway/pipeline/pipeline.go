// Package pipeline is a message's way through the gateway:
//
//	Intake    makes legs of the recipients, has incoming handlers rule on each, commits, then replies
//	Expander  has outgoing handlers edit a post, and plans batches of its members
//	Deliverer sends batches by a Transport, commits the outcomes, books or reports failures
//	Commands  does what people ask of a list by mail; the Desk answers them
//	Held      has moderators rule on what is held for them, until its time is up
//	Bounces   reads what comes back, and has the Scores of members follow
//	Reports   tells whoever sent a message what became of it; the Outbox sends that
//	Rehearsal sends a message its way once more, without any effect
//
// Verdicts and outcomes become transitions of the spool here and nowhere else. The
// package promises that a reply of 250 follows the commit, that outgoing handlers and
// planners of a post do not run again once their result is committed, that a fault of
// ours or of a handler never bounces mail, and that a bounce never causes a bounce.
//
// It starts no goroutine that outlives a call. Package server calls it.
package pipeline

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Chains names the handlers of a list. Its answers change when modules are swapped; a
// chain that is running is not disturbed.
type Chains interface {
	// Incoming handlers of a list, or of forward routes for nil.
	Incoming(list *gateway.List) Chain
	// Policy is the handler that decides who may post to a list. It runs after the
	// incoming ones, even after one that accepts.
	Policy(list *gateway.List) Chain
	// Outgoing handlers of a list's posts.
	Outgoing(list *gateway.List) Chain
}

// Site is what the pipeline needs to know about where it runs.
type Site struct {
	Hostname   string              // in Received fields and message ids
	AuthservID string              // in Authentication-Results fields
	Owner      gateway.ForwardPath // gets what concerns no list, and the bounces of owner mail
}

// owners are those of a list, or the site's where it has none.
func (s *Site) owners(list *gateway.List) []gateway.ForwardPath {
	if len(list.Owners) == 0 {
		return []gateway.ForwardPath{s.Owner}
	}
	return list.Owners
}

// moderators are those who rule on posts and on who joins, owners included.
func (s *Site) moderators(list *gateway.List) []gateway.ForwardPath {
	all := slices.Concat(list.Moderators, list.Owners)
	slices.SortFunc(all, func(a, b gateway.ForwardPath) int { return strings.Compare(a.Key(), b.Key()) })
	all = slices.CompactFunc(all, func(a, b gateway.ForwardPath) bool { return a.Key() == b.Key() })
	if len(all) == 0 {
		return s.owners(list)
	}
	return all
}

// logger returns log, or one that discards everything.
func logger(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}

// messageAttrs are the attributes that all log records of a message have. At RCPT a
// message has no id yet.
func messageAttrs(m *gateway.Message) slog.Attr {
	path := slog.String("reverse_path", gateway.Printable(string(m.Envelope.ReversePath)))
	if m.ID == 0 {
		return path
	}
	return slog.Group("", slog.String("id", m.ID.String()), path)
}

// legEntry is the entry by which a leg that was just accepted or is being
// expanded waits for its turn.
func legEntry(m *gateway.Message, leg int, due, expires time.Time) gateway.Entry {
	l := &m.Legs[leg]
	return gateway.Entry{
		Message: m.ID, Leg: leg, Batch: gateway.ExpandLeg, List: l.List, Stage: l.Stage,
		Priority: l.Service.Priority(), Due: due, Expires: expires,
	}
}

// batchEntry is the entry by which a batch waits for its turn.
func batchEntry(b *gateway.Batch, list gateway.ListID) gateway.Entry {
	return gateway.Entry{
		Message: b.Message, Leg: b.Leg, Batch: b.Number, List: list, Route: b.Route(), Recipients: b.Size(), Stage: gateway.StageExpanded,
		Priority: b.Priority, Attempt: b.Attempt, Due: b.Due, Expires: b.Expires,
	}
}
