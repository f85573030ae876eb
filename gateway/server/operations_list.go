package server

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/roster"
)

// ListRow is one list, for list.ls and list.show.
type ListRow struct {
	Address      string   `json:"address"`
	ID           string   `json:"id"`
	Description  string   `json:"description"`
	Owners       []string `json:"owners"`
	Moderators   []string `json:"moderators,omitempty"`
	Posting      string   `json:"posting"`
	Subscribe    string   `json:"subscribe"`
	AliasDomain  string   `json:"alias_domain,omitempty"`
	VERPInterval int      `json:"verp_interval"`
	Personalize  bool     `json:"personalize"`
	Unsubscribe  string   `json:"unsubscribe"`
	QuietHold    bool     `json:"quiet_hold"`
	Incoming     []string `json:"incoming"`          // plugin names, in force
	Source       string   `json:"source"`            // file or store
	Members      *int     `json:"members,omitempty"` // that get posts; list.show alone tells
}

// ListName names a list by its address or its id.
type ListName struct {
	List string `json:"list"`
}

// NewList is what list.create makes. What is left out is as in a [[list]].
type NewList struct {
	Address     string   `json:"address"`
	Owners      []string `json:"owners,omitempty"`
	Description string   `json:"description,omitempty"`
	Posting     string   `json:"posting,omitempty"`
	Subscribe   string   `json:"subscribe,omitempty"`
	QuietHold   bool     `json:"quiet_hold,omitempty"`
}

// ListChange is the result of list.create and list.delete.
type ListChange struct {
	Address string `json:"address"`
	Running bool   `json:"running"`        // the gateway runs, and tells the MTA by itself
	Note    string `json:"note,omitempty"` // of a list that takes mail of another, or loses some
}

func (s *Server) listRow(l *gateway.List) ListRow {
	row := ListRow{
		Address: string(l.Address), ID: string(l.ID), Description: l.Description, Owners: pathTexts(l.Owners),
		Moderators: pathTexts(l.Moderators), Posting: string(l.Posting), Subscribe: l.Subscribe, AliasDomain: l.AliasDomain,
		VERPInterval: l.VERPInterval, Personalize: l.Personalize, Unsubscribe: l.Unsubscribe, QuietHold: l.QuietHold,
		Incoming: l.Incoming, Source: l.Source,
	}
	if l.Incoming == nil {
		row.Incoming = append([]string{}, s.inForce().Incoming.Handlers...)
	}
	return row
}

// inForce is the configuration of the last reload, where there was one.
func (s *Server) inForce() *config.Config {
	if set := s.loaded.Load(); set != nil {
		return set.cfg
	}
	return s.cfg
}

func pathTexts(paths []gateway.ForwardPath) []string {
	texts := []string{}
	for _, p := range paths {
		texts = append(texts, string(p))
	}
	return texts
}

func (s *Server) listRows(context.Context, Nothing) (any, error) {
	rows := []ListRow{}
	for l := range s.roster.Lists() {
		rows = append(rows, s.listRow(l))
	}
	slices.SortFunc(rows, func(a, b ListRow) int { return strings.Compare(a.Address, b.Address) })
	return rows, nil
}

func (s *Server) listShow(_ context.Context, args ListName) (any, error) {
	l, err := s.list(args.List)
	if err != nil {
		return nil, err
	}
	row := s.listRow(l)
	members, err := s.roster.CountMembers(l.ID)
	row.Members = &members
	return row, err
}

func (s *Server) listCreate(_ context.Context, args NewList) (any, error) {
	list, err := s.newList(args)
	if err != nil {
		return nil, err
	}
	err = s.roster.CreateList(list)
	switch {
	case errors.Is(err, roster.ErrListExists), errors.Is(err, roster.ErrListName):
		return nil, badData("%v", err)
	case err != nil:
		return nil, err
	}
	change := s.listChanged(list.Address)
	change.Note = s.overlaps(&list)
	return change, nil
}

// overlaps says which lists take mail of each other because of one.
func (s *Server) overlaps(list *gateway.List) string {
	var notes []string
	for _, o := range s.roster.OverlapsOf(list) {
		notes = append(notes, o.String())
	}
	return strings.Join(notes, "; ")
}

// newList checks what a list is made of and fills in the defaults of [[list]].
func (s *Server) newList(args NewList) (gateway.List, error) {
	address, err := gateway.ParseForwardPath(args.Address)
	if err != nil {
		return gateway.List{}, badData("%v", err)
	}
	list := gateway.List{
		Address: address, Description: args.Description, Unsubscribe: config.UnsubscribeList,
		Posting: cmp.Or(gateway.Posting(args.Posting), gateway.PostingMembers), Subscribe: cmp.Or(args.Subscribe, gateway.SubscribeConfirm), QuietHold: args.QuietHold, VERPInterval: s.inForce().VERP.DeliveryInterval,
	}
	for _, text := range args.Owners {
		owner, err := gateway.ParseForwardPath(text)
		if err != nil {
			return list, badData("%v", err)
		}
		list.Owners = append(list.Owners, owner)
	}
	if !slices.Contains([]gateway.Posting{gateway.PostingMembers, gateway.PostingAnyone, gateway.PostingModerated}, list.Posting) {
		return list, badData("posting is members, anyone or moderated, not %q", args.Posting)
	}
	if !slices.Contains([]string{gateway.SubscribeConfirm, gateway.SubscribeModerated, gateway.SubscribeClosed}, list.Subscribe) {
		return list, badData("subscribe is confirm, moderated or closed, not %q", args.Subscribe)
	}
	return list, nil
}

func (s *Server) listDelete(_ context.Context, args ListName) (any, error) {
	l, err := s.list(args.List)
	if err != nil {
		return nil, err
	}
	if l.Source == roster.SourceFile {
		return nil, badData("%s:%d: %s is a list of this file; delete it there and reload", s.cfg.File, l.Line, string(l.Address))
	}
	if err := s.roster.DeleteList(l.ID); err != nil {
		return nil, err
	}
	return s.listChanged(l.Address), nil
}

// listChanged has a gateway that runs tell the MTA.
func (s *Server) listChanged(address gateway.ForwardPath) ListChange {
	s.listsChanged()
	return ListChange{Address: string(address), Running: !s.onlyState()}
}
