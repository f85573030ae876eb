package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/pipeline"
)

// ledger is what the gateway promised and what became of it, and the judge of
// both. It outlives every process.
type ledger struct {
	w       *world
	legs    map[legKey]*leg
	batches map[gateway.BatchKey]*gateway.Batch // as they were confirmed last
	failing *pipeline.Fate                      // that is being followed up
	notices bool                                // people may be written to
	told    map[string]bool                     // moderators were, by message and list

	// Of the transaction with a client that is in progress, by token and path:
	covered map[string]bool // stands in a leg that was confirmed
	dropped map[string]bool // a handler discarded it

	wrongs []string
}

type legKey struct {
	id  gateway.QueueID
	leg int
}

// leg is one that the spool was asked to accept.
type leg struct {
	token    string
	service  gateway.Service
	list     gateway.ListID
	forward  string
	from     gateway.ReversePath // of its deliveries, where they have no address of ours
	paths    []gateway.Recipient // of the envelope and of handlers
	sure     bool                // its acceptance was confirmed
	doubted  bool                // a step may or may not have happened
	outgoing bool                // the word of its outgoing handlers is committed
	ended    bool                // discarded, dropped, or a bounce that was read
	held     bool                // for the moderators of its list, at some time
	planned  map[string]bool     // paths in batches that were confirmed
	tries    map[string]int      // of a path
	settled  map[string]*gateway.Status
	maybe    map[string]*gateway.Status // settled by a step that is in doubt
	reported map[string]bool            // in a report that was confirmed
}

func newLedger(w *world) *ledger {
	l := &ledger{w: w, legs: map[legKey]*leg{}, batches: map[gateway.BatchKey]*gateway.Batch{}, told: map[string]bool{}}
	l.begin()
	return l
}

func (l *ledger) fail(format string, args ...any) {
	l.wrongs = append(l.wrongs, fmt.Sprintf(format, args...))
	l.w.tell("WRONG: "+format, args...)
}

// begin is called before each transaction of a client.
func (l *ledger) begin() { l.covered, l.dropped = map[string]bool{}, map[string]bool{} }

// replied judges a reply that reached a client.
func (l *ledger) replied(token string, path gateway.ForwardPath, status *gateway.Status) {
	key := token + " " + string(path)
	if status.Class() == gateway.Success && !l.covered[key] && !l.dropped[key] {
		l.fail("%s for %s was answered with %s, and is not in the spool", token, path, status.Reply())
	}
}

// accepted enters the legs of m.
func (l *ledger) accepted(m *gateway.Message, duplicates []int, err error) {
	token := tokenOf(m.Content)
	if m.Legs[0].Service == gateway.Relay && len(m.Envelope.Recipients) == 0 {
		token = "report " + m.ID.String()
		l.judgeReport(m, err)
	}
	for i := range m.Legs {
		rec := newLeg(token, m, &m.Legs[i])
		rec.sure = err == nil && !l.w.disk.dark()
		if err == nil {
			for _, to := range rec.paths {
				l.covered[token+" "+string(to.Path)] = true
			}
		}
		if !slices.Contains(duplicates, i) {
			l.legs[legKey{m.ID, i}] = rec
		} else if !l.w.disk.dark() && !slices.ContainsFunc(slices.Collect(maps.Values(l.legs)), rec.isSame) {
			l.fail("%s: leg %d is taken for a duplicate of a message that nobody accepted", token, i)
		}
	}
}

func newLeg(token string, m *gateway.Message, from *gateway.Leg) *leg {
	rec := &leg{
		token: token, service: from.Service, list: from.List, forward: from.Forward, from: m.Envelope.ReversePath,
		held:    from.Stage == gateway.StageHeld && from.List != "",
		planned: map[string]bool{}, tries: map[string]int{},
		settled: map[string]*gateway.Status{}, maybe: map[string]*gateway.Status{}, reported: map[string]bool{},
	}
	if from.List != "" { // what goes to owners is sent by the site
		rec.from = siteOwner
	}
	for _, id := range from.Recipients {
		rec.paths = append(rec.paths, m.Envelope.Recipients[id])
	}
	rec.paths = append(rec.paths, from.Added...)
	return rec
}

// isSame says whether other was confirmed and is for the same.
func (rec *leg) isSame(other *leg) bool {
	return other.sure && other.token == rec.token && other.service == rec.service && other.list == rec.list && other.forward == rec.forward
}

// judgeReport enters a message of our own.
func (l *ledger) judgeReport(m *gateway.Message, err error) {
	f := l.failing
	switch {
	case f == nil && l.notices:
		if !m.Envelope.ReversePath.IsNull() {
			l.fail("the notice %s can be bounced", m.ID)
		}
		return
	case f == nil:
		l.fail("%s is of our own, and reports nothing", m.ID)
		return
	case f.ReversePath.IsNull(), f.Message.Envelope.ReversePath.IsNull() && f.ReversePath != siteOwner:
		l.fail("%s bounces the bounce %s", m.ID, f.Message.ID)
	case !m.Envelope.ReversePath.IsNull():
		l.fail("the report %s can be bounced", m.ID)
	}
	rec := l.legs[l.keyOf(f)]
	if err != nil || l.w.disk.dark() || rec == nil {
		return
	}
	for _, to := range f.Recipients {
		rec.reported[string(to.Path)] = true
	}
}

// writing lets the work of a service write to people.
func (l *ledger) writing(do service) service {
	return func(ctx context.Context, m *gateway.Message, leg *gateway.Leg) error {
		l.notices = true
		defer func() { l.notices = false }()
		return do(ctx, m, leg)
	}
}

// telling is told of moderators who are told that mail is held.
func (l *ledger) telling(tell service) service {
	return l.writing(func(ctx context.Context, m *gateway.Message, leg *gateway.Leg) error {
		err := tell(ctx, m, leg)
		if err == nil && !l.w.disk.dark() {
			l.told[toldKey(m.ID, leg.List)] = true
		}
		return err
	})
}

func toldKey(id gateway.QueueID, list gateway.ListID) string { return id.String() + " " + string(list) }

// droppedAll ends all legs of a message that an operator dropped.
func (l *ledger) droppedAll(id gateway.QueueID) {
	for key, rec := range l.legs {
		rec.ended = rec.ended || key.id == id
	}
}

// keyOf finds the leg of a failure.
func (l *ledger) keyOf(f *pipeline.Fate) legKey {
	for i := range f.Message.Legs {
		if f.Leg == &f.Message.Legs[i] {
			return legKey{f.Message.ID, i}
		}
	}
	return legKey{}
}

// know enters a batch that was confirmed when nobody could tell.
func (l *ledger) know(b *gateway.Batch) {
	if l.batches[b.Key()] == nil {
		l.batches[b.Key()] = b
	}
}

// committed enters a step of a leg.
func (l *ledger) committed(t gateway.Transition, err error) {
	rec := l.legs[legKey{t.Message, t.Leg}]
	if rec == nil {
		l.fail("a step of leg %d of %s, which nobody accepted", t.Leg, t.Message)
		return
	}
	sure := err == nil && !l.w.disk.dark()
	rec.doubted = rec.doubted || !sure
	if t.State != nil && sure {
		rec.outgoing = rec.outgoing || t.State.Stage == gateway.StageExpanding || t.State.Stage == gateway.StageExpanded
		rec.ended = rec.ended || t.State.Stage == gateway.StageDone
		rec.held = rec.held || t.State.Stage == gateway.StageHeld
	}
	for _, b := range t.Batches {
		l.batch(rec, b, sure)
	}
	for _, o := range t.Outcomes {
		if b := l.batches[gateway.BatchKey{Message: t.Message, Leg: t.Leg, Number: o.Batch}]; b != nil {
			l.outcomes(rec, b.Deliveries[o.Delivery].Recipients, o.Outcomes, sure)
		}
	}
}

// batch enters a new batch, or the new state of one.
func (l *ledger) batch(rec *leg, b *gateway.Batch, sure bool) {
	last := l.batches[b.Key()]
	switch {
	case !sure:
	case last == nil || last.Attempt == 0 && b.Attempt == 0:
		l.plan(rec, b)
	case pending(b) && (b.Attempt <= last.Attempt || !b.Due.After(last.Due)):
		l.fail("batch %v: attempt %d is due at %v after attempt %d at %v", b.Key(), b.Attempt, b.Due, last.Attempt, last.Due)
	}
	if sure {
		kept := *b
		l.batches[b.Key()] = &kept
	}
	for _, d := range b.Deliveries {
		l.outcomes(rec, d.Recipients, d.Outcomes, sure)
	}
}

func pending(b *gateway.Batch) bool {
	return slices.ContainsFunc(b.Deliveries, func(d gateway.Delivery) bool { return d.Pending() })
}

func (l *ledger) plan(rec *leg, b *gateway.Batch) {
	for _, d := range b.Deliveries {
		for _, to := range d.Recipients {
			if rec.planned[string(to.Path)] && !rec.doubted && len(d.Outcomes) == 0 {
				l.fail("%s: %s is in two batches of a leg", rec.token, to.Path)
			}
			rec.planned[string(to.Path)] = true
		}
	}
}

func (l *ledger) outcomes(rec *leg, to []gateway.Recipient, outcomes []gateway.Outcome, sure bool) {
	for i, o := range outcomes {
		path := string(to[i].Path)
		switch last := rec.settled[path]; {
		case !o.Settled:
		case !sure:
			rec.maybe[path] = o.Status
		case last != nil && last.Code != o.Status.Code:
			l.fail("%s: %s is settled as %s, and again as %s", rec.token, path, last.Reply(), o.Status.Reply())
		default:
			rec.settled[path] = o.Status
		}
	}
}

// attempted is told of attempts.
func (l *ledger) attempted(attempts []pipeline.Attempt) {
	if l.w.disk.dark() {
		return
	}
	for _, a := range attempts {
		l.attempt(a)
	}
}

func (l *ledger) attempt(a pipeline.Attempt) {
	key := l.keyOf(&pipeline.Fate{Message: a.Message, Leg: a.Leg})
	rec, path := l.legs[key], string(a.Recipient.Path)
	switch {
	case rec == nil || !rec.sure:
		l.fail("an attempt at %s of %s, which nobody accepted", path, a.Message.ID)
		return
	case rec.settled[path] != nil:
		l.fail("%s: %s is tried again after %s", rec.token, path, rec.settled[path].Reply())
	case a.Number < rec.tries[path]:
		l.fail("%s: attempt %d at %s after attempt %d", rec.token, a.Number, path, rec.tries[path])
	}
	rec.tries[path] = a.Number
}

// decorates is called by outgoing handlers.
func (l *ledger) decorates(m *gateway.Message, x *gateway.Leg) {
	for i := range m.Legs {
		rec := l.legs[legKey{m.ID, i}]
		if rec != nil && rec.outgoing && rec.list == x.List && rec.service == x.Service && m.Legs[i].Stage == gateway.StageAccepted {
			l.fail("%s: outgoing handlers run again", rec.token)
		}
	}
}

// restarted compares what a process found with what was promised.
func (l *ledger) restarted(p *process) {
	listed := map[legKey]bool{}
	for e, err := range p.spool.Entries() {
		if err != nil {
			l.fail("entries: %v", err)
		}
		listed[legKey{e.Message, e.Leg}] = true
	}
	for _, key := range l.keys() {
		rec := l.legs[key]
		if rec.sure && !rec.doubted && l.finished(rec) {
			continue
		}
		m, err := p.spool.Load(key.id)
		switch {
		case errors.Is(err, gateway.ErrNotSpooled) && !rec.sure:
			delete(l.legs, key)
		case errors.Is(err, gateway.ErrNotSpooled):
			if !rec.doubted {
				l.fail("%s: leg %d of %s, a %s, is lost", rec.token, key.leg, key.id, rec.service)
			}
		case err != nil:
			l.fail("%s after a restart: %v", key.id, err)
		default:
			l.found(rec, &m.Legs[key.leg])
			if !listed[key] && !rec.doubted {
				l.fail("%s: leg %d of %s stands still", rec.token, key.leg, key.id)
			}
		}
	}
}

// found settles what was in doubt of a leg.
func (l *ledger) found(rec *leg, found *gateway.Leg) {
	rec.sure = true
	rec.outgoing = rec.outgoing || found.Stage == gateway.StageExpanding || found.Stage == gateway.StageExpanded
	rec.ended = rec.ended || found.Stage == gateway.StageDone
}

func (l *ledger) keys() []legKey {
	return slices.SortedFunc(maps.Keys(l.legs), func(a, b legKey) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.leg, b.leg))
	})
}

// finished says whether nothing is left to do for a leg.
func (l *ledger) finished(rec *leg) bool {
	return rec.ended || !slices.ContainsFunc(l.expected(rec), func(to gateway.Recipient) bool { return rec.settled[string(to.Path)] == nil })
}

// expected are the recipients that a leg is for in the end.
func (l *ledger) expected(rec *leg) []gateway.Recipient {
	switch rec.service {
	case gateway.Forward, gateway.Relay:
		return rec.paths
	}
	for _, list := range l.w.lists {
		switch {
		case list.List.ID != rec.list:
		case rec.service == gateway.Post:
			return list.Members
		default:
			return []gateway.Recipient{{Path: list.List.Owners[0]}}
		}
	}
	return nil
}
