package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/queue"
	"github.com/mmgw/mmgw/gateway/spool"
)

// QueueRowsMax is how many rows queue.ls gives at most.
const QueueRowsMax = 100_000

// QueueSelection says which messages of the spool are meant: those that fit
// every field that is given.
type QueueSelection struct {
	IDs    []string `json:"ids,omitempty"`
	List   string   `json:"list,omitempty"`   // address or id, or the name of a forward route
	Domain string   `json:"domain,omitempty"` // of a recipient that the message came in for
	Limit  int      `json:"limit,omitempty"`  // of rows; 0: QueueRowsMax
	From   string   `json:"from,omitempty"`   // id of the first message that is looked at; no rows beyond the limit are counted then
}

// QueueRow is one leg of a message in the spool.
type QueueRow struct {
	ID          string     `json:"id"`
	Leg         int        `json:"leg"`
	List        string     `json:"list"` // its id, or the name of the forward route
	Service     string     `json:"service"`
	State       string     `json:"state"`            // accepted, expanding, queued, held
	Reason      string     `json:"reason,omitempty"` // why it is held, or for which fault of ours it was put off
	ReversePath string     `json:"reverse_path"`
	Size        int64      `json:"size"`
	Received    time.Time  `json:"received"`
	Pending     int        `json:"pending"`
	NextAttempt *time.Time `json:"next_attempt"`
	LastReply   string     `json:"last_reply"`
}

// QueueRows is the result of queue.ls.
type QueueRows struct {
	Rows  []QueueRow `json:"rows"`
	Total int        `json:"total"` // that fit, also beyond the limit
}

func (s *Server) queueRows(ctx context.Context, sel QueueSelection) (any, error) {
	fits, err := s.selected(sel)
	if err != nil {
		return nil, err
	}
	limit := sel.Limit
	if limit <= 0 || limit > QueueRowsMax {
		limit = QueueRowsMax
	}
	var first gateway.QueueID
	if sel.From != "" {
		if first, err = gateway.ParseQueueID(sel.From); err != nil {
			return nil, badData("%v", err)
		}
	}
	result := QueueRows{Rows: []QueueRow{}}
	for row, err := range s.spool.ListFrom(first) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if sel.From != "" && len(result.Rows) == limit {
			break
		}
		switch {
		case err != nil && row.ID == 0:
			return nil, err
		case err != nil:
			row.LastReply = err.Error()
		case !fits(&row):
			continue
		}
		if result.Total++; len(result.Rows) < limit {
			if e, ok := s.line.putOff(row.ID, row.Leg); ok {
				row.Reason, row.NextAttempt = putOffReason+e.Fault, e.Due
			}
			result.Rows = append(result.Rows, queueRow(&row))
		}
	}
	return result, nil
}

// putOffReason begins the Reason of a leg that is tried again after a fault of ours.
const putOffReason = "put off: "

func queueRow(row *spool.Row) QueueRow {
	r := QueueRow{
		ID: row.ID.String(), Leg: row.Leg, List: cmp.Or(string(row.List), row.Forward), Service: string(row.Service),
		State: stateName(row.Stage), Reason: gateway.Printable(row.Reason), ReversePath: string(row.ReversePath),
		Size: row.Size, Received: row.Received, Pending: row.Pending, LastReply: gateway.Printable(row.LastReply),
	}
	if !row.NextAttempt.IsZero() {
		r.NextAttempt = &row.NextAttempt
	}
	return r
}

func stateName(stage gateway.Stage) string {
	switch stage {
	case gateway.StageAccepted:
		return "accepted"
	case gateway.StageExpanding:
		return "expanding"
	case gateway.StageHeld:
		return "held"
	case gateway.StageDone:
		return "done"
	}
	return "queued"
}

// selected makes the test of a selection.
func (s *Server) selected(sel QueueSelection) (func(*spool.Row) bool, error) {
	var list gateway.ListID
	if sel.List != "" {
		list = gateway.ListID(strings.ToLower(sel.List))
		if path, err := gateway.ParseForwardPath(sel.List); err == nil {
			list = gateway.NewListID(path)
		}
		isRoute := slices.ContainsFunc(s.cfg.Forwards, func(f config.Forward) bool { return f.Name == sel.List })
		if _, err := s.roster.List(list); err != nil && !isRoute { // a list that is gone may have some queued
			return nil, badData("%s: %v", gateway.Printable(sel.List), gateway.ErrUnknownList)
		}
	}
	ids := map[gateway.QueueID]bool{}
	for _, text := range sel.IDs {
		id, err := gateway.ParseQueueID(text)
		if err != nil {
			return nil, badData("%v", err)
		}
		ids[id] = true
	}
	return func(row *spool.Row) bool {
		return (len(ids) == 0 || ids[row.ID]) && (list == "" || row.List == list || row.List == "" && row.Forward == sel.List) &&
			(sel.Domain == "" || s.cameInFor(row.ID, sel.Domain))
	}, nil
}

func (s *Server) cameInFor(id gateway.QueueID, domain string) bool {
	m, err := s.spool.Load(id)
	return err == nil && slices.ContainsFunc(m.Envelope.Recipients, func(r gateway.Recipient) bool {
		return strings.EqualFold(r.Path.Domain(), domain)
	})
}

// QueueIDs names the messages that an operation changes, with all their legs.
type QueueIDs struct {
	IDs []string `json:"ids"`
	By  string   `json:"by,omitempty"` // who wants it: the delivery log has that of what is bounced or dropped
}

// QueueChange is how many messages an operation changed. Those that are not in
// the spool any more do not count, nor do those released that were not held.
type QueueChange struct {
	Messages int `json:"messages"`
}

func (s *Server) queueHold(ctx context.Context, args QueueIDs) (any, error) {
	return eachMessage(ctx, args, func(id gateway.QueueID) error {
		return s.hold(id, pipeline.ByOperator)
	})
}

func (s *Server) hold(id gateway.QueueID, reason string) error {
	return s.aside(id, func() error { return s.spool.Hold(id, reason) })
}

func (s *Server) queueRelease(ctx context.Context, args QueueIDs) (any, error) {
	return eachMessage(ctx, args, func(id gateway.QueueID) error {
		m, err := s.spool.Load(id)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(m.Legs, func(l gateway.Leg) bool { return l.Stage == gateway.StageHeld }) {
			return fmt.Errorf("%s: %w", id, errNotHeld)
		}
		entries, err := s.spool.Release(id, time.Now())
		if err == nil {
			s.wake(entries)
		}
		return err
	})
}

// errNotHeld is of a message that goes on by itself.
var errNotHeld = errors.New("the message is not held")

// aside has nothing begun of a message while its place in the spool changes, nor
// afterwards, unless that fails. The queue comes first: an entry too many there is
// found out when its turn comes, one too few is not.
func (s *Server) aside(id gateway.QueueID, change func() error) error {
	var entries []gateway.Entry
	s.line.change(func(q *queue.Queue) { entries = q.Hold(id) })
	err := change()
	if err != nil {
		s.line.add(entries)
	}
	return err
}

// gone is aside for a change that ends the message.
func (s *Server) gone(id gateway.QueueID, change func() error) error {
	err := s.aside(id, change)
	if err == nil || errors.Is(err, gateway.ErrNotSpooled) {
		s.line.change(func(q *queue.Queue) { q.Remove(id) })
	}
	return err
}

// legGone takes a leg out of the queue that has nothing left to do.
func (s *Server) legGone(id gateway.QueueID, leg int) {
	s.line.change(func(q *queue.Queue) {
		for _, e := range q.Of(id) {
			if e.Leg == leg {
				q.Done(keyOf(e))
			}
		}
	})
}

// eachMessage changes messages one after the other. It fails where there is
// nothing to change in any, and at the first that cannot be changed.
func eachMessage(ctx context.Context, args QueueIDs, change func(gateway.QueueID) error) (any, error) {
	var done QueueChange
	missing := error(badData("no message is named"))
	for _, text := range args.IDs {
		id, err := gateway.ParseQueueID(text)
		if err != nil {
			return nil, badData("%v", err)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		err = change(id)
		switch {
		case err == nil:
			done.Messages++
		case errors.Is(err, errNotHeld):
			missing = badData("%v", err)
		case errors.Is(err, gateway.ErrNotSpooled):
			missing = err
		default:
			return nil, err
		}
	}
	if done.Messages == 0 {
		return nil, missing
	}
	return done, nil
}
