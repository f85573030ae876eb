package server

import (
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/token"
	"github.com/mmgw/mmgw/gateway/verp"
)

// assembleServices makes what answers people who write to a list, and asks its
// moderators.
func (s *Server) assembleServices(site pipeline.Site, desk *pipeline.Desk, keys []verp.Key) {
	confirmations := &pipeline.Confirmations{Roster: s.roster, Tokens: tokens(keys), Delimiter: s.cfg.VERP.Delimiter}
	s.held = &pipeline.Held{
		Site: site, Roster: s.roster, Spool: s.spool, Desk: desk, Confirmations: confirmations,
		For: s.cfg.Incoming.HoldFor, Log: s.log,
		Queued: func(entries []gateway.Entry) { s.wake(entries...) }, Dropped: s.legGone,
	}
	commands := &pipeline.Commands{Site: site, Roster: s.roster, Desk: desk, Confirmations: confirmations, Held: s.held, Log: s.log}
	s.expander.Commands, s.expander.Held = commands.Handle, s.held.Tell
}

// tokens sign with the keys that sign reverse-paths, and are believed as long.
func tokens(keys []verp.Key) *token.Codec {
	codec := &token.Codec{}
	for _, key := range keys {
		codec.Secrets = append(codec.Secrets, key.Secret[:])
	}
	return codec
}

// heldEvery is how often what is held is looked through for what waited too
// long. It is read as a whole.
const heldEvery = time.Hour

// expireHeld throws away what no moderator ruled on in time.
func (s *Server) expireHeld(now time.Time) {
	if _, err := s.held.Expire(now); err != nil {
		s.log.Error("expire what is held", "error", err)
	}
}
