package server

import (
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

	Config map[string]any `json:"config,omitempty"` // that handlers read as list.config.X
}

// ListName names a list by its address or its id.
type ListName struct {
	List string `json:"list"`
}

// ListSettings are what list.create gives a list, and list.set changes. What is nil
// stays as it is, in a new list as in a [[list]].
type ListSettings struct {
	Owners       *[]string `json:"owners,omitempty"`
	Moderators   *[]string `json:"moderators,omitempty"`
	Description  *string   `json:"description,omitempty"`
	Posting      *string   `json:"posting,omitempty"`
	Subscribe    *string   `json:"subscribe,omitempty"`
	QuietHold    *bool     `json:"quiet_hold,omitempty"`
	Unsubscribe  *string   `json:"unsubscribe,omitempty"`
	Personalize  *bool     `json:"personalize,omitempty"`
	VERPInterval *int      `json:"verp_interval,omitempty"`

	Config map[string]any `json:"config,omitempty"` // by key; null takes one away
}

// NewList is what list.create makes.
type NewList struct {
	Address string `json:"address"`
	ListSettings
}

// ChangedList is what list.set changes.
type ChangedList struct {
	ListName
	ListSettings
}

// ListChange is the result of list.create, list.set and list.delete.
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
		Incoming: l.Incoming, Source: l.Source, Config: l.Config,
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

// newList is a list with the defaults of [[list]], except for what args say.
func (s *Server) newList(args NewList) (gateway.List, error) {
	address, err := gateway.ParseForwardPath(args.Address)
	if err != nil {
		return gateway.List{}, badData("%v", err)
	}
	list := gateway.List{
		Address: address, Posting: gateway.PostingMembers, Subscribe: gateway.SubscribeConfirm,
		Unsubscribe: config.UnsubscribeList, VERPInterval: s.inForce().VERP.DeliveryInterval,
	}
	return list, s.applySettings(&list, args.ListSettings)
}

func (s *Server) listSet(_ context.Context, args ChangedList) (any, error) {
	l, err := s.storeList(args.List)
	if err != nil {
		return nil, err
	}
	list := *l
	if err := s.applySettings(&list, args.ListSettings); err != nil {
		return nil, err
	}
	if err := s.roster.ChangeList(list); err != nil {
		return nil, err
	}
	return ListChange{Address: string(list.Address), Running: !s.onlyState()}, nil
}

// storeList finds a list that was made at run time.
func (s *Server) storeList(name string) (*gateway.List, error) {
	l, err := s.list(name)
	if err == nil && l.Source == roster.SourceFile {
		err = badData("%s:%d: %s is a list of this file; change it there and reload", s.cfg.File, l.Line, string(l.Address))
	}
	return l, err
}

func (s *Server) listDelete(_ context.Context, args ListName) (any, error) {
	l, err := s.storeList(args.List)
	if err != nil {
		return nil, err
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
