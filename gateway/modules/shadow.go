package modules

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/mmgw/mmgw/gateway"
)

// Bounds of what waits for a shadow. What exceeds them is skipped and counted: a slow
// shadow costs memory for 64 messages, and mail never waits for it.
const (
	shadowQueueMax        = 64
	shadowContentBytesMax = 1 << 20
)

// Shadow runs a module on the same messages as another, the live one, and counts how
// often it answers differently. Its verdicts and edits are never applied, and the
// values that it keeps are separate from those that the same module keeps elsewhere.
type Shadow struct {
	beside *Module
	log    *slog.Logger

	queue   chan comparison
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	compared, verdicts, edits, failed, skipped atomic.Int64
}

// ShadowStats counts the calls of the live module, by what the shadow answered to the
// same message.
type ShadowStats struct {
	Compared int64 // the shadow answered
	Verdicts int64 // of those: with another verdict, or the live module failed
	Edits    int64 // of those: with the same verdict and other edits
	Failed   int64 // the shadow failed
	Skipped  int64 // the shadow was too far behind, or the message too large
}

// comparison is a call of the live module, and its answer.
type comparison struct {
	x    *gateway.Exchange
	live Answer
}

// NewShadow starts to run beside as a shadow, until Close. The caller still owns
// beside. With a nil log nothing is logged.
func NewShadow(beside *Module, log *slog.Logger) *Shadow {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Shadow{beside: beside, log: log, queue: make(chan comparison, shadowQueueMax)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.running.Go(s.run)
	return s
}

// Close ends the shadow, and drops what waits for it. Further calls do nothing.
func (s *Shadow) Close() {
	s.cancel()
	s.running.Wait()
}

// Stats are the counts so far.
func (s *Shadow) Stats() ShadowStats {
	return ShadowStats{s.compared.Load(), s.verdicts.Load(), s.edits.Load(), s.failed.Load(), s.skipped.Load()}
}

// Follow returns a handler that calls live, and tells the shadow of each call.
func (s *Shadow) Follow(live gateway.Handler) gateway.Handler { return followed{live, s} }

type followed struct {
	gateway.Handler
	shadow *Shadow
}

// Handle implements gateway.Handler. It waits only for the live handler.
func (f followed) Handle(ctx context.Context, x *gateway.Exchange) (gateway.Verdict, error) {
	v, err := f.Handler.Handle(ctx, x)
	f.shadow.hear(ctx, x, Answer{Verdict: v, Err: err})
	return v, err
}

// FollowPlanner is Follow for planners.
func (s *Shadow) FollowPlanner(live gateway.Planner) gateway.Planner { return followedPlanner{live, s} }

type followedPlanner struct {
	gateway.Planner
	shadow *Shadow
}

// Plan implements gateway.Planner. It waits only for the live planner.
func (f followedPlanner) Plan(ctx context.Context, x *gateway.Exchange) (gateway.Plan, error) {
	plan, err := f.Planner.Plan(ctx, x)
	f.shadow.hear(ctx, x, Answer{Plan: plan, Err: err})
	return plan, err
}

// hear queues a call if there is room. A call whose caller gave up is left out.
func (s *Shadow) hear(ctx context.Context, x *gateway.Exchange, live Answer) {
	if live.Err != nil && ctx.Err() != nil {
		return
	}
	if len(s.queue) == cap(s.queue) {
		s.skipped.Add(1)
		return
	}
	kept, ok := snapshotOf(x)
	if !ok {
		s.skipped.Add(1)
		return
	}
	select {
	case s.queue <- comparison{kept, live}:
	default:
		s.skipped.Add(1)
	}
}

func (s *Shadow) run() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case c := <-s.queue:
			s.compare(c)
		}
	}
}

func (s *Shadow) compare(c comparison) {
	l := s.beside.Lease()
	defer l.Release()
	if !l.Serves(c.x.Phase) {
		return
	}
	answer := Ask(s.ctx, l.present.Plugin, c.x)
	if s.ctx.Err() != nil {
		return
	}
	log := s.log.With("message", c.x.Message.ID.String(), "module", l.ModuleName())
	if answer.Err != nil {
		s.failed.Add(1)
		log.Warn("shadow failed", "live_failed", c.live.Err != nil, "error", answer.Err)
		return
	}
	s.compared.Add(1)
	switch c.live.Compare(answer) {
	case OtherVerdict:
		s.verdicts.Add(1)
		log.Info("shadow rules otherwise", "live_failed", c.live.Err != nil,
			"live_action", c.live.Verdict.Action.String(), "shadow_action", answer.Verdict.Action.String())
	case OtherEdits:
		s.edits.Add(1)
		log.Info("shadow edits otherwise")
	}
}
