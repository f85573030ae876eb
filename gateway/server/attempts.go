package server

import (
	"cmp"
	"context"
	"log/slog"

	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/relay"
)

// attempted counts and logs attempts at recipients.
func (s *Server) attempted(attempts []pipeline.Attempt) {
	verbose := s.log.Enabled(context.Background(), slog.LevelDebug)
	for i := range attempts {
		a := &attempts[i]
		s.attempts[outcomeOf(a.Outcome)].Add(1)
		if verbose {
			s.log.Debug("attempt", "id", a.Message.ID.String(), "recipient", string(a.Recipient.Path), "status", a.Outcome.Status.Error(), "took", a.Took)
		}
		s.nextHops.note(s.log, s.nextHop(a), a)
	}
	s.record(attempts)
}

// nextHop names where an attempt was made, or the route where that has no target;
// "" before the first.
func (s *Server) nextHop(a *pipeline.Attempt) string {
	if a.Number == 0 {
		return ""
	}
	return cmp.Or(s.targetNames[a.Delivery.Route], a.Delivery.Route)
}

// namesOf are the next hops of all routes, as logs name them.
func namesOf(targets map[string]relay.Target) map[string]string {
	names := map[string]string{}
	for route, target := range targets {
		names[route] = target.String()
	}
	return names
}
