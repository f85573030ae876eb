package server

import (
	"context"
	"errors"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/roster"
	"github.com/mmgw/mmgw/gateway/unsubscribe"
)

// openLinks reads the key of the links by which members leave, where the site
// serves them. It is a file of its own: mail is kept, and its links must hold,
// long after reverse-paths are signed with another key.
func (s *Server) openLinks() (unsubscribe.Links, error) {
	if s.cfg.HTTP.URL == "" {
		return unsubscribe.Links{}, nil
	}
	keys, err := s.keys("unsubscribe.key", "links to leave in what went out before, if there are any, lead nowhere")
	return unsubscribe.Links{URL: s.cfg.HTTP.URL, Tokens: tokens(keys)}, err
}

// unsubscribePage is where the links lead.
func (s *Server) unsubscribePage() *unsubscribe.Page {
	return &unsubscribe.Page{Tokens: s.links.Tokens, Log: s.log, Leave: s.leave, Name: func(id gateway.ListID) string {
		list, err := s.roster.List(id)
		if err != nil {
			return ""
		}
		return string(list.Address)
	}}
}

// leave ends a membership. Who has left, or whose list is gone, has what was
// wanted.
func (s *Server) leave(_ context.Context, list gateway.ListID, member gateway.ForwardPath) error {
	err := s.roster.RemoveMember(list, member)
	if errors.Is(err, roster.ErrUnknownMember) || errors.Is(err, gateway.ErrUnknownList) {
		return nil
	}
	return err
}
