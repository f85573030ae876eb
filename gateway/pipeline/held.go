package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/command"
	"github.com/mmgw/mmgw/gateway/internal/charset"
	"github.com/mmgw/mmgw/gateway/notice"
	"github.com/mmgw/mmgw/gateway/roster"
	"github.com/mmgw/mmgw/gateway/spool"
)

// Held has the moderators of a list rule on what is held for them: posts, and
// people who want to join. A post that nobody rules on is thrown away when its
// time is up.
type Held struct {
	Site          Site
	Roster        *roster.Roster
	Spool         *spool.Spool
	Desk          *Desk
	Confirmations *Confirmations
	For           time.Duration                     // how long it is held
	Queued        func([]gateway.Entry)             // is told of what goes on, without an end where that has yet to be set
	Dropped       func(id gateway.QueueID, leg int) // is told of what is thrown away; nil: nobody does
	Log           *slog.Logger
}

// moderation is the leg that tells the moderators of a list that a leg of it is
// held. It is committed with that one, so that no crash comes in between.
func moderation(held gateway.Leg) gateway.Leg {
	return gateway.Leg{Service: gateway.Moderation, List: held.List, Edits: held.Edits}
}

// Tell writes to the moderators of a list that mail is held, and to its author.
// It is what the leg of moderation is for.
func (h *Held) Tell(ctx context.Context, m *gateway.Message, leg *gateway.Leg) error {
	list, err := h.Roster.List(leg.List)
	if err != nil {
		return err
	}
	reason, held := "", false
	for i := range m.Legs {
		if l := &m.Legs[i]; l.Stage == gateway.StageHeld && l.List == leg.List {
			reason, held = l.Reason, true
		}
	}
	if !held {
		return nil
	}
	draft, err := gateway.OpenDraft(m.Content, leg.Edits...)
	if err != nil {
		return err
	}
	n := notice.Notice{Name: notice.ApprovePost, Enclosed: draft.Content()}
	author, _ := command.Author(draft.Header)
	n.Fields.Address, n.Fields.Reason, n.Fields.Subject = string(author), reason, charset.Words(draft.Header.Get("Subject"))
	if err := h.tellAuthor(ctx, m, list, draft.Header, n.Fields); err != nil {
		return err
	}
	p := roster.Pending{List: list.ID, Message: m.ID, Expires: m.Received.Add(h.For)}
	return h.askModerators(ctx, list, n, p, toRelease, toDrop)
}

// tellAuthor tells whoever wrote a post that it is held, once a day and list, and
// only where a person is at the other end (RFC 3834): the reverse-path has to be
// the author's, or what spam makes up gets an answer. Come here again, the quota
// knows that it is told.
func (h *Held) tellAuthor(ctx context.Context, m *gateway.Message, list *gateway.List, header gateway.Header, fields notice.Fields) error {
	from, author := m.Envelope.ReversePath, gateway.ForwardPath(fields.Address)
	if list.QuietHold || command.Automatic(header, from) != "" || command.Unanswerable(from, author) != "" || gateway.ForwardPath(from).Key() != author.Key() {
		return nil
	}
	if _, err := h.Roster.Resolve(ctx, author); err == nil {
		return nil // an address of ours
	}
	n := notice.Notice{Name: notice.PostHeld, From: list.ServiceAddress("-owner"), InReplyTo: header.Get("Message-ID"), Fields: fields}
	return h.Desk.send(ctx, list, n, answerQuotas(list.ID, n.Name, author), author)
}

// askToAdmit asks the moderators whether somebody may join.
func (h *Held) askToAdmit(ctx context.Context, list *gateway.List, member gateway.Recipient) error {
	n := notice.Notice{Name: notice.ApproveJoin}
	n.Fields.Address = string(member.Path)
	return h.askModerators(ctx, list, n, roster.Pending{List: list.ID, Member: member, Expires: time.Now().Add(h.For)}, toAdmit, toRefuse)
}

func (h *Held) askModerators(ctx context.Context, list *gateway.List, n notice.Notice, p roster.Pending, yes, no string) error {
	tokens, err := h.Confirmations.ask(time.Now(), p, yes, no)
	if err != nil {
		return err
	}
	n.From, _ = h.Confirmations.address(list, tokens[0])
	n.Fields.Token = tokens[0]
	n.Fields.Reply, n.Fields.Drop = h.Confirmations.instruction(list, tokens[0]), h.Confirmations.instruction(list, tokens[1])
	n.Fields.Expires = p.Expires.UTC().Format(notice.DateForm)
	return h.Desk.send(ctx, list, n, noticeQuotas(list.ID), h.Site.moderators(list)...)
}

// release lets the held legs of a list go on. It says whether there were any.
func (h *Held) release(id gateway.QueueID, list gateway.ListID) (bool, error) {
	return h.each(id, list, func(leg int) error {
		entries, err := h.Spool.ReleaseLeg(id, leg, time.Now())
		if err == nil && h.Queued != nil {
			h.Queued(entries)
		}
		return err
	})
}

// drop throws the held legs of a list away. It says whether there were any.
func (h *Held) drop(id gateway.QueueID, list gateway.ListID) (bool, error) {
	return h.each(id, list, func(leg int) error {
		_, err := h.dropLeg(id, leg)
		return err
	})
}

func (h *Held) dropLeg(id gateway.QueueID, leg int) (dropped bool, err error) {
	dropped, err = h.Spool.DropLeg(id, leg)
	if dropped && h.Dropped != nil {
		h.Dropped(id, leg)
	}
	return dropped, err
}

// each does something to each leg of a list that is held. A message that is gone
// has none.
func (h *Held) each(id gateway.QueueID, list gateway.ListID, do func(leg int) error) (found bool, err error) {
	m, err := h.Spool.Load(id)
	if errors.Is(err, gateway.ErrNotSpooled) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for i := range m.Legs {
		if m.Legs[i].List != list || m.Legs[i].Stage != gateway.StageHeld {
			continue
		}
		if err := do(i); err != nil && !errors.Is(err, gateway.ErrNotSpooled) {
			return found, err
		}
		found = true
	}
	return found, nil
}

// Reasons why a message is held that no moderator is told of: a person who runs
// the gateway holds it, or is to look at a fault.
const (
	ByOperator = "held by the operator"
	ByFault    = "could not be processed: " // and what was wrong
)

// Expire throws away what nobody ruled on in time, and says how much that was.
// What an operator holds, or a fault of ours, stays.
func (h *Held) Expire(now time.Time) (n int, err error) {
	for row, err := range h.Spool.List() {
		if err != nil || row.Stage != gateway.StageHeld || row.List == "" || now.Sub(row.Received) < h.For ||
			row.Reason == ByOperator || strings.HasPrefix(row.Reason, ByFault) {
			continue // what cannot be read is told of elsewhere
		}
		dropped, err := h.dropLeg(row.ID, row.Leg)
		if err != nil {
			return n, err
		}
		if dropped {
			logger(h.Log).Warn("expired", "id", row.ID.String(), "list", string(row.List), "service", string(row.Service), "reason", row.Reason)
			n++
		}
	}
	return n, nil
}
