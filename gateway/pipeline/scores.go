package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
	"github.com/mmgw/mmgw/gateway/notice"
	"github.com/mmgw/mmgw/gateway/roster"
	"github.com/mmgw/mmgw/gateway/verp"
)

// Scores books bounces of members and does what follows: probes, the end of
// delivery, warnings, the end of the membership. What follows is done before it
// is booked, so that a crash in between does it twice, never not at all.
type Scores struct {
	Site   Site
	Roster *roster.Roster
	VERP   *verp.Codec
	Rules  bounce.Rules
	Desk   *Desk
	Log    *slog.Logger

	told atomic.Uint64 // the last post that the owners of its list were told of
}

// Failing is one permanent failure of mail to a member of a list.
type Failing struct {
	List    gateway.ListID
	Member  gateway.ForwardPath
	Trust   bounce.Trust
	Status  string          // enhanced status code
	Text    string          // the remote host's words, untrusted
	Message gateway.Content // what came back; nil for a reply
	At      time.Time
}

// Book books a failure. Who has left meanwhile has none.
func (s *Scores) Book(ctx context.Context, f Failing) error {
	row, err := s.Roster.Member(f.List, f.Member)
	if errors.Is(err, roster.ErrUnknownMember) {
		logger(s.Log).Info("a bounce of somebody who is not a member", "list", string(f.List), "address", string(f.Member))
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.keep(f); err != nil {
		return err
	}
	if _, step := s.Rules.Bounce(stateOf(&row), f.At, f.Trust); step != "" {
		if err := s.follow(ctx, f.List, &row, step, f.Status+" "+f.Text); err != nil {
			return err
		}
	}
	return s.change(f.List, f.Member, func(row *roster.MemberRow) {
		state, step := s.Rules.Bounce(stateOf(row), f.At, f.Trust)
		setState(row, state)
		row.Bounce.Count++
		row.Bounce.Status, row.Bounce.Text = f.Status, f.Text
		logger(s.Log).Info("bounce booked", "list", string(f.List), "member", string(row.Path), "status", f.Status, "score", row.Score, "step", string(step))
	})
}

// keep keeps the start of what came back for those who are told of it.
func (s *Scores) keep(f Failing) error {
	if f.Message == nil {
		return nil
	}
	r, err := f.Message.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	message, err := io.ReadAll(io.LimitReader(r, roster.BouncedBytesMax))
	if err != nil {
		return fmt.Errorf("read a bounce of %s: %w", f.Member, err)
	}
	return s.Roster.KeepBounced(f.List, f.Member, message)
}

func (s *Scores) change(list gateway.ListID, member gateway.ForwardPath, f func(*roster.MemberRow)) error {
	if err := s.Roster.ChangeBounces(list, member, f); err != nil && !errors.Is(err, roster.ErrUnknownMember) {
		return fmt.Errorf("book a bounce of %s: %w", member, err)
	}
	return nil
}

func stateOf(row *roster.MemberRow) bounce.State {
	b := row.Bounce
	return bounce.State{Score: row.Score, Last: b.Time, Probed: b.Probed, Disabled: row.Disabled, Warnings: b.Warnings, Warned: b.Warned}
}

func setState(row *roster.MemberRow, s bounce.State) {
	row.Bounce.Disabled = row.Bounce.Disabled || s.Disabled && !row.Disabled
	row.Score, row.Disabled = s.Score, s.Disabled
	row.Bounce.Time, row.Bounce.Probed = s.Last, s.Probed
	row.Bounce.Warnings, row.Bounce.Warned = s.Warnings, s.Warned
}

// membersPerTurn is how many disabled members are looked at before their
// states are read again.
const membersPerTurn = 1000

// Due warns and removes the members of all lists that bounces disabled and
// whose time has come: who is removed by a time that has surely come, which is now or
// before. One whose turn fails is told in the log, and has it again.
func (s *Scores) Due(ctx context.Context, now, surely time.Time) {
	for list := range s.Roster.Lists() {
		var after gateway.Cursor
		for {
			disabled, next, err := s.Roster.BounceDisabled(list.ID, after, membersPerTurn)
			if err != nil {
				logger(s.Log).Error("members that bounces disabled cannot be read", "list", string(list.ID), "error", err)
				break
			}
			for _, path := range disabled {
				if err := s.due(ctx, list.ID, path, now, surely); err != nil && ctx.Err() == nil {
					logger(s.Log).Error("a member that bounces disabled was not followed up", "list", string(list.ID), "member", string(path), "error", err)
				}
			}
			if after = next; after == "" || ctx.Err() != nil {
				break
			}
		}
	}
}

func (s *Scores) due(ctx context.Context, list gateway.ListID, path gateway.ForwardPath, now, surely time.Time) error {
	row, err := s.Roster.Member(list, path)
	if err != nil {
		return err
	}
	state, step := s.Rules.Due(stateOf(&row), now)
	if _, sure := s.Rules.Due(stateOf(&row), surely); step == "" || step == bounce.Remove && sure != step {
		return nil
	}
	if err := s.follow(ctx, list, &row, step, row.Bounce.Status+" "+row.Bounce.Text); err != nil {
		return err
	}
	logger(s.Log).Info("member followed up", "list", string(list), "member", string(row.Path), "step", string(step))
	if step == bounce.Remove {
		return s.Roster.RemoveMember(list, path)
	}
	return s.change(list, path, func(row *roster.MemberRow) { setState(row, state) })
}

// Complained ends the membership of who says that a post is abuse, and tells
// the owners.
func (s *Scores) Complained(ctx context.Context, list gateway.ListID, member gateway.ForwardPath, report gateway.Content) error {
	row, err := s.Roster.Member(list, member)
	if errors.Is(err, roster.ErrUnknownMember) {
		return nil
	}
	if err != nil {
		return err
	}
	l, err := s.Roster.List(list)
	if err != nil {
		return err
	}
	if err := s.tellOwners(ctx, l, notice.Complained, &row, "", report); err != nil {
		return err
	}
	logger(s.Log).Info("member complained and is removed", "list", string(list), "member", string(row.Path))
	return s.Roster.RemoveMember(list, member)
}
