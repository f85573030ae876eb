package pipeline

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
	"github.com/mmgw/mmgw/gateway/internal/charset"
	"github.com/mmgw/mmgw/gateway/notice"
	"github.com/mmgw/mmgw/gateway/roster"
	"github.com/mmgw/mmgw/gateway/verp"
)

// follow does what a step means for others: the mail that goes out.
func (s *Scores) follow(ctx context.Context, list gateway.ListID, row *roster.MemberRow, step bounce.Step, reason string) error {
	l, err := s.Roster.List(list)
	if err != nil {
		return err
	}
	bounced, err := s.bounced(list, row.Path)
	if err != nil {
		return err
	}
	switch step {
	case bounce.SendProbe:
		return s.probe(ctx, l, row, reason, bounced)
	case bounce.Disable:
		return s.tellOwners(ctx, l, notice.BounceDisabled, row, reason, bounced)
	case bounce.Warn:
		return s.Desk.Outbox.Send(ctx, []gateway.ForwardPath{row.Path}, s.writer(l, notice.BounceWarning, row, reason, nil))
	case bounce.Remove:
		return s.tellOwners(ctx, l, notice.BounceRemoved, row, reason, bounced)
	}
	return nil
}

// bounced is what is kept of a member's last bounce, nil for nothing.
func (s *Scores) bounced(list gateway.ListID, member gateway.ForwardPath) (gateway.Content, error) {
	message, err := s.Roster.Bounced(list, member)
	if err != nil || message == nil {
		return nil, err
	}
	return gateway.Bytes(message), nil
}

// probe sends a message to a member alone, under a reverse-path that is signed
// over the member, whatever form the posts have.
func (s *Scores) probe(ctx context.Context, l *gateway.List, row *roster.MemberRow, reason string, bounced gateway.Content) error {
	from, form := s.VERP.EncodeProbe(l, row.Path, gateway.NextQueueID(0, time.Now()))
	if form == verp.Plain {
		logger(s.Log).Warn("a member cannot be probed: the name of the list leaves no room for its address", "list", string(l.ID), "member", string(row.Path))
		return nil
	}
	if token := s.VERP.Token(from); token != "" {
		if err := s.Roster.Remember(l.ID, row.Path, token); err != nil {
			return err
		}
	}
	return s.Desk.Outbox.SendFrom(ctx, from, []gateway.ForwardPath{row.Path}, s.writer(l, notice.BounceProbe, row, reason, bounced))
}

// tellOwners tells the owners of a list of a member. They are told of so many a day:
// a provider that refuses all of its users would fill their mailboxes.
func (s *Scores) tellOwners(ctx context.Context, l *gateway.List, text string, row *roster.MemberRow, reason string, enclosed gateway.Content) error {
	return s.Desk.send(ctx, l, s.notice(l, text, row, reason, enclosed), bounceQuotas(l.ID), s.Site.owners(l)...)
}

// Refused tells the owners of a list, once, of a post that a member gets no copy of
// though nothing is wrong with the member: it is too large or against a rule, or the
// next hop has taken nothing for too long. Then others get none either, and whoever
// wrote it knows of nothing.
func (s *Scores) Refused(ctx context.Context, m *gateway.Message, list gateway.ListID, member gateway.ForwardPath, status *gateway.Status) error {
	if s.told.Load() == uint64(m.ID) {
		return nil
	}
	l, err := s.Roster.List(list)
	if errors.Is(err, gateway.ErrUnknownList) {
		return nil
	}
	if err != nil {
		return err
	}
	draft, err := gateway.OpenDraft(m.Content)
	if err != nil {
		return err
	}
	n := notice.Notice{
		Name: notice.PostRefused, From: l.ServiceAddress("-owner"), Enclosed: m.Content,
		Fields: notice.Fields{
			Address: string(member), Subject: charset.Words(draft.Header.Get("Subject")), Reason: gateway.Printable(status.Error()),
		},
	}
	if err := s.Desk.send(ctx, l, n, postQuotas(list, m.ID), s.Site.owners(l)...); err != nil {
		return err
	}
	s.told.Store(uint64(m.ID))
	return nil
}

// writer writes to the member itself.
func (s *Scores) writer(l *gateway.List, text string, row *roster.MemberRow, reason string, enclosed gateway.Content) Writer {
	n := s.notice(l, text, row, reason, enclosed)
	n.To, n.Display, n.Fields.List = row.Path, l.Address.Local(), notice.ListFields(l)
	return func(now time.Time, messageID string) (gateway.Content, error) {
		return s.Desk.Texts().Content(n, now, messageID)
	}
}

func (s *Scores) notice(l *gateway.List, text string, row *roster.MemberRow, reason string, enclosed gateway.Content) notice.Notice {
	return notice.Notice{
		Name: text, From: l.ServiceAddress("-owner"), Enclosed: enclosed,
		Fields: notice.Fields{
			Address: string(row.Path), Reason: gateway.Printable(reason),
			Count: strconv.Itoa(max(s.Rules.Warnings-row.Bounce.Warnings-1, 0)),
		},
	}
}

// probed is the member of whom a reverse-path is a probe's, if it is one.
func (s *Scores) probed(ctx context.Context, path gateway.ReversePath) (list gateway.ListID, member gateway.ForwardPath, ok bool) {
	l, decoded, err := s.decode(ctx, path, time.Now())
	if err != nil || l == nil || !decoded.Probe {
		return "", "", false
	}
	return l.ID, decoded.Member, true
}

// decode reads a reverse-path that may be one of a list's; the list is nil
// where it is none.
func (s *Scores) decode(ctx context.Context, path gateway.ReversePath, now time.Time) (*gateway.List, verp.Decoded, error) {
	if path.IsNull() {
		return nil, verp.Decoded{}, nil
	}
	posting, detail, ok := s.VERP.Split(gateway.ForwardPath(path))
	if !ok || detail == "" {
		return nil, verp.Decoded{}, nil
	}
	route, err := s.Roster.Resolve(ctx, posting)
	if err != nil || route.List == nil {
		return nil, verp.Decoded{}, err
	}
	decoded, err := s.VERP.Decode(route.List, detail, now)
	return route.List, decoded, err
}
