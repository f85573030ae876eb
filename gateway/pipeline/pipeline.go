// Package pipeline is a message's way through the gateway:
//
//	Intake    recipients become legs, incoming handlers rule on each, all is committed, then replied
//	Expander  outgoing handlers decorate a post, its members are planned in batches
//	Deliverer batches go out by a Transport, outcomes are committed, failures are booked or reported
//	Commands  what people ask of a list by mail is done, and answered by the Desk
//	Held      moderators rule on what is held for them, or its time is up
//	Bounces   what comes back is read, and the Scores of members follow
//	Reports   whoever sent a message is told what became of it, by the Outbox
//	Rehearsal a message goes its way once more, and nothing comes of that
//
// Verdicts and outcomes become transitions of the spool here and nowhere
// else. It promises that a reply of 250 follows the commit, that outgoing
// handlers and planners of a post do not run again once their result is
// committed, that a fault of ours or of a handler never bounces mail, and that
// a bounce never begets a bounce.
//
// It starts no goroutine that outlives a call; package server calls it.
package pipeline

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Chains names the handlers of a list. It may answer differently from call to
// call, as modules are swapped; a chain that runs is not disturbed.
type Chains interface {
	// Incoming handlers of a list, or of forward routes for nil.
	Incoming(list *gateway.List) Chain
	// Policy is the handler that decides who may post to a list. It comes after
	// the incoming ones, and after one that accepts as well.
	Policy(list *gateway.List) Chain
	// Outgoing handlers of a list's posts.
	Outgoing(list *gateway.List) Chain
}

// Site is what a message's way needs to know of where it runs.
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

// logger returns log, or one that drops all.
func logger(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}

// messageAttrs are the attributes by which all log records of a message are found.
// It has no id while its recipients are asked for.
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
