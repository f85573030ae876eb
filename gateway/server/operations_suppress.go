package server

import (
	"context"
	"errors"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/roster"
)

// Suppression is one address that gets no posts.
type Suppression struct {
	Address string    `json:"address"`
	Reason  string    `json:"reason"`
	Added   time.Time `json:"added"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
	Ended   bool      `json:"ended,omitempty"`  // it gets posts again
}

// SuppressionPage asks for a part of the suppression list.
type SuppressionPage struct {
	After string `json:"after,omitempty"` // Next of the page before
}

// Suppressions is the result of suppress.ls.
type Suppressions struct {
	Rows []Suppression `json:"rows"`
	Next string        `json:"next,omitempty"` // where the next page goes on; "" at the end
}

// SuppressionChange names addresses that get posts no more, or again.
type SuppressionChange struct {
	Addresses []string `json:"addresses"`
	Reason    string   `json:"reason,omitempty"`
	For       string   `json:"for,omitempty"` // as in the configuration: "30d"; "" is for ever
}

func (s *Server) suppressionRows(_ context.Context, args SuppressionPage) (any, error) {
	all, next, err := s.roster.Suppressions(gateway.Cursor(args.After), MemberRowsMax)
	if err != nil {
		return nil, err
	}
	result := Suppressions{Rows: []Suppression{}, Next: string(next)}
	now := time.Now()
	for _, one := range all {
		result.Rows = append(result.Rows, Suppression{Address: string(one.Path), Reason: gateway.Printable(one.Reason), Added: one.Added, Expires: one.Expires, Ended: one.HasEnded(now)})
	}
	return result, nil
}

func (s *Server) suppressionAdd(_ context.Context, args SuppressionChange) (any, error) {
	paths, err := suppressed(args)
	if err != nil {
		return nil, err
	}
	now, expires := time.Now(), time.Time{}
	if args.For != "" {
		d, err := config.ParseDuration(args.For)
		if err != nil {
			return nil, badData("for: %v", err)
		}
		if d <= 0 {
			return nil, badData("for: %s ends at once; leave it out for ever", args.For)
		}
		expires = now.Add(d)
	}
	all := make([]roster.Suppression, len(paths))
	for i, path := range paths {
		all[i] = roster.Suppression{Path: path, Reason: gateway.Printable(args.Reason), Added: now, Expires: expires}
	}
	return MemberCount{len(all), len(all)}, s.roster.Suppress(all)
}

func (s *Server) suppressionRemove(_ context.Context, args SuppressionChange) (any, error) {
	paths, err := suppressed(args)
	if err != nil {
		return nil, err
	}
	for i, path := range paths {
		err := s.roster.Unsuppress(path)
		if errors.Is(err, roster.ErrNotSuppressed) {
			return nil, badData("%v; %d of %d were changed before it", err, i, len(paths))
		}
		if err != nil {
			return nil, err
		}
	}
	return MemberCount{len(paths), len(paths)}, nil
}

// suppressed reads all addresses before anything is changed.
func suppressed(args SuppressionChange) ([]gateway.ForwardPath, error) {
	if len(args.Addresses) > MembersPerCall {
		return nil, badData("%d addresses at once; at most %d", len(args.Addresses), MembersPerCall)
	}
	paths := make([]gateway.ForwardPath, len(args.Addresses))
	for i, text := range args.Addresses {
		var err error
		if paths[i], err = gateway.ParseForwardPath(text); err != nil {
			return nil, badData("%v; nothing was changed", err)
		}
	}
	return paths, nil
}
