package server

import (
	"context"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/modules"
	"github.com/mmgw/mmgw/gateway/pipeline"
)

// Incoming implements pipeline.Chains with the modules that answer to their
// names at the time of the call. No exchange comes between two of them.
func (s *Server) Incoming(list *gateway.List) pipeline.Chain {
	s.exchanging.RLock()
	defer s.exchanging.RUnlock()
	return s.loaded.Load().chains().Incoming(list)
}

// Policy implements pipeline.Chains.
func (s *Server) Policy(list *gateway.List) pipeline.Chain {
	s.exchanging.RLock()
	defer s.exchanging.RUnlock()
	return s.loaded.Load().chains().Policy(list)
}

// Outgoing implements pipeline.Chains.
func (s *Server) Outgoing(list *gateway.List) pipeline.Chain {
	s.exchanging.RLock()
	defer s.exchanging.RUnlock()
	return s.loaded.Load().chains().Outgoing(list)
}

// lease leases one of the modules that the configuration in force names.
func (s *Server) lease(name func(*moduleSet) string) *modules.Lease {
	s.exchanging.RLock()
	defer s.exchanging.RUnlock()
	set := s.loaded.Load()
	return set.modules[name(set)].Lease()
}

func plannerName(s *moduleSet) string { return s.cfg.MTA.Outgoing }

func writerName(s *moduleSet) string { return s.cfg.MTA.Incoming }

// planner is the module of [mta] outgoing, whichever it is at each call.
type planner struct{ *Server }

// Plan implements gateway.Planner.
func (p planner) Plan(ctx context.Context, x *gateway.Exchange) (gateway.Plan, error) {
	l := p.lease(plannerName)
	defer l.Release()
	set := p.loaded.Load()
	if shadow := set.shadows[plannerName(set)]; shadow != nil {
		return shadow.FollowPlanner(l).Plan(ctx, x)
	}
	return l.Plan(ctx, x)
}

// Handle is told of results, where the module wants to.
func (p planner) Handle(ctx context.Context, x *gateway.Exchange) (gateway.Verdict, error) {
	l := p.lease(plannerName)
	defer l.Release()
	return l.Handle(ctx, x)
}
