package server

import (
	"net"

	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/mta/lookup"
)

// listenForLookups listens where MTAs ask. Who may hand mail over by the LMTP
// socket may ask by this one.
func (s *Server) listenForLookups(at config.Endpoint) (net.Listener, error) {
	if at.Network == "unix" {
		return listenUnix(at.Address, s.cfg.LMTP.SocketMode, s.cfg.LMTP.SocketGroup)
	}
	return net.Listen(at.Network, at.Address)
}

// lookupTables are what MTAs may ask, with the next hop that their files would
// name. The backends of forward routes are asked as they are at RCPT, and with
// the same memory.
func (s *Server) lookupTables() *lookup.Tables {
	site := siteOf(s.cfg, s.listening.Load().(string), MTADir(s.cfg))
	return &lookup.Tables{
		Roster: s.roster, NextHop: lookup.PostfixNextHop(site.LMTPTarget, site.LMTPSocket),
		Mailer: lookup.SendmailMailer(site.LMTPTarget), Verify: s.intake.Verify,
	}
}
