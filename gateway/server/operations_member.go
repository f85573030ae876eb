package server

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/roster"
)

// Limits of one operation on members. Whoever has more calls again.
const (
	MemberRowsMax  = 10_000
	MembersPerCall = 10_000 // as many as the roster makes durable at once
)

// MemberPage asks for a part of a list's members.
type MemberPage struct {
	List  string `json:"list"`
	After string `json:"after,omitempty"` // Next of the page before
	Limit int    `json:"limit,omitempty"` // 0: MemberRowsMax
}

// MemberRow is one address of a list.
type MemberRow struct {
	Address    string  `json:"address"`
	Name       string  `json:"name,omitempty"`
	State      string  `json:"state"` // enabled, disabled or left
	Score      float64 `json:"score"`
	Source     string  `json:"source"` // file, store or overlay
	Suppressed bool    `json:"suppressed,omitempty"`
	LastBounce string  `json:"last_bounce,omitempty"`
}

// MemberRows is the result of member.ls.
type MemberRows struct {
	Rows []MemberRow `json:"rows"`
	Next string      `json:"next,omitempty"` // where the next page goes on; "" at the end
}

// MemberChange names members to be added, removed or reset.
type MemberChange struct {
	List    string   `json:"list"`
	Members []string `json:"members"` // addresses; to be added also as Name <address>
}

// MemberCount is how many members an operation changed, and of how many.
type MemberCount struct {
	Changed int `json:"changed"`
	Of      int `json:"of"`
}

// MemberAddress names an address, for member.find.
type MemberAddress struct {
	Address string `json:"address"`
}

// Membership is what one list says of an address, for member.find.
type Membership struct {
	List string `json:"list"`
	MemberRow
}

// memberFind asks every list for an address.
func (s *Server) memberFind(ctx context.Context, args MemberAddress) (any, error) {
	path, err := gateway.ParseForwardPath(args.Address)
	if err != nil {
		return nil, badData("%v", err)
	}
	suppressed := s.roster.Suppressed(time.Now())
	found := []Membership{}
	for l := range s.roster.Lists() {
		row, err := s.roster.Listed(l.ID, path)
		switch {
		case errors.Is(err, roster.ErrUnknownMember), errors.Is(err, gateway.ErrUnknownList):
			continue // or it was deleted just now
		case err != nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
		found = append(found, Membership{string(l.Address), memberRow(&row, suppressed)})
	}
	return found, nil
}

func memberRow(m *roster.MemberRow, suppressed func(gateway.ForwardPath) bool) MemberRow {
	return MemberRow{
		Address: string(m.Path), Name: gateway.Printable(m.Name), State: m.State(), Score: m.Score, Source: m.Source,
		Suppressed: suppressed(m.Path),
		LastBounce: gateway.Printable(strings.TrimSpace(m.Bounce.Status + " " + m.Bounce.Text)),
	}
}

func (s *Server) memberRows(_ context.Context, args MemberPage) (any, error) {
	l, err := s.list(args.List)
	if err != nil {
		return nil, err
	}
	limit := args.Limit
	if limit <= 0 || limit > MemberRowsMax {
		limit = MemberRowsMax
	}
	members, next, err := s.roster.MemberRows(l.ID, gateway.Cursor(args.After), limit)
	if err != nil {
		return nil, err
	}
	result := MemberRows{Rows: []MemberRow{}, Next: string(next)}
	suppressed := s.roster.Suppressed(time.Now())
	for i := range members {
		result.Rows = append(result.Rows, memberRow(&members[i], suppressed))
	}
	return result, nil
}

func (s *Server) memberAdd(_ context.Context, args MemberChange) (any, error) {
	l, recipients, err := s.listAndMembers(args)
	if err != nil {
		return nil, err
	}
	added, err := s.roster.AddMembers(l.ID, recipients)
	return MemberCount{added, len(recipients)}, err
}

func (s *Server) memberRemove(_ context.Context, args MemberChange) (any, error) {
	return s.eachMember(args, s.roster.RemoveMember)
}

func (s *Server) memberDisable(_ context.Context, args MemberChange) (any, error) {
	return s.eachMember(args, s.roster.DisableMember)
}

func (s *Server) memberEnable(_ context.Context, args MemberChange) (any, error) {
	return s.eachMember(args, s.roster.EnableMember)
}

func (s *Server) memberReset(_ context.Context, args MemberChange) (any, error) {
	return s.eachMember(args, s.roster.ResetMember)
}

// eachMember changes members one after the other; it ends with the first that
// is none, and says how many came before it.
func (s *Server) eachMember(args MemberChange, change func(gateway.ListID, gateway.ForwardPath) error) (any, error) {
	l, recipients, err := s.listAndMembers(args)
	if err != nil {
		return nil, err
	}
	for i, r := range recipients {
		err := change(l.ID, r.Path)
		if errors.Is(err, roster.ErrUnknownMember) {
			return nil, badData("%v; %d of %d were changed before it", err, i, len(recipients))
		}
		if err != nil {
			return nil, err
		}
	}
	return MemberCount{len(recipients), len(recipients)}, nil
}

// listAndMembers reads all addresses before anything is changed.
func (s *Server) listAndMembers(args MemberChange) (*gateway.List, []gateway.Recipient, error) {
	l, err := s.list(args.List)
	if err != nil {
		return nil, nil, err
	}
	if len(args.Members) > MembersPerCall {
		return nil, nil, badData("%d addresses at once; at most %d", len(args.Members), MembersPerCall)
	}
	recipients := make([]gateway.Recipient, len(args.Members))
	for i, text := range args.Members {
		if recipients[i], err = config.ParseMember(text); err != nil {
			return nil, nil, badData("%q: %v; nothing was changed", gateway.Printable(text), err)
		}
	}
	return l, recipients, nil
}
