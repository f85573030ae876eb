package modules

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mmgw/mmgw/gateway"
)

// Bounds of what waits for a shadow: what exceeds them is skipped and counted,
// so that a slow shadow costs memory for 64 messages and no mail any time.
const (
	shadowQueueMax        = 64
	shadowContentBytesMax = 1 << 20
)

// Shadow runs a module beside another on the same messages and counts where
// it differs. What it rules and edits is never applied.
type Shadow struct {
	beside *Module
	log    *slog.Logger

	queue   chan comparison
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	compared, verdicts, edits, failed, skipped atomic.Int64
}

// ShadowStats counts the calls of the live module, by what the shadow made of
// the same message.
type ShadowStats struct {
	Compared int64 // the shadow ruled too
	Verdicts int64 // of them, those with another verdict, or where the live module failed
	Edits    int64 // of them, those with the same verdict and other edits
	Failed   int64 // the shadow failed
	Skipped  int64 // the shadow was too far behind, or the message too large
}

// comparison is a call of the live module, and how it ended.
type comparison struct {
	x       *gateway.Exchange
	verdict gateway.Verdict
	failed  bool
}

// NewShadow starts to run beside, which stays the caller's. It ends with Close;
// nil log drops all.
func NewShadow(beside *Module, log *slog.Logger) *Shadow {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Shadow{beside: beside, log: log, queue: make(chan comparison, shadowQueueMax)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.running.Go(s.run)
	return s
}

// Close ends the shadow: what waits for it is dropped. It may be called again.
func (s *Shadow) Close() {
	s.cancel()
	s.running.Wait()
}

// Stats are the counts so far.
func (s *Shadow) Stats() ShadowStats {
	return ShadowStats{s.compared.Load(), s.verdicts.Load(), s.edits.Load(), s.failed.Load(), s.skipped.Load()}
}

// Follow is live, with the shadow hearing of each of its calls.
func (s *Shadow) Follow(live gateway.Handler) gateway.Handler { return followed{live, s} }

type followed struct {
	gateway.Handler
	shadow *Shadow
}

// Handle implements gateway.Handler. It waits for nothing but the live handler.
func (f followed) Handle(ctx context.Context, x *gateway.Exchange) (gateway.Verdict, error) {
	v, err := f.Handler.Handle(ctx, x)
	if err == nil || ctx.Err() == nil {
		f.shadow.offer(x, v, err)
	}
	return v, err
}

// offer queues a call if there is room.
func (s *Shadow) offer(x *gateway.Exchange, v gateway.Verdict, err error) {
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
	case s.queue <- comparison{kept, v, err != nil}:
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
	v, err := l.present.Plugin.Handle(s.ctx, c.x)
	if s.ctx.Err() != nil {
		return
	}
	if err != nil {
		s.failed.Add(1)
		s.log.Warn("shadow failed", "message", c.x.Message.ID.String(), "module", l.ModuleName(), "error", err)
		return
	}
	s.compared.Add(1)
	switch {
	case c.failed || !sameVerdict(c.verdict, v):
		s.verdicts.Add(1)
		s.log.Info("shadow rules otherwise", "message", c.x.Message.ID.String(), "module", l.ModuleName(),
			"live_failed", c.failed, "live", c.verdict.Action.String(), "shadow", v.Action.String())
	case !reflect.DeepEqual(c.verdict.Edits, v.Edits):
		s.edits.Add(1)
		s.log.Info("shadow edits otherwise", "message", c.x.Message.ID.String(), "module", l.ModuleName())
	}
}

// sameVerdict compares what two modules want, but for their edits.
func sameVerdict(a, b gateway.Verdict) bool {
	return a.Action == b.Action && sameStatus(a.Status, b.Status) && a.Route == b.Route && slices.Equal(a.Added, b.Added) &&
		maps.EqualFunc(a.Recipients, b.Recipients, func(x, y gateway.Disposition) bool {
			return x.Action == y.Action && sameStatus(x.Status, y.Status) && x.Removed == y.Removed &&
				x.Redirect == y.Redirect && reflect.DeepEqual(x.Notify, y.Notify)
		})
}

func sameStatus(a, b *gateway.Status) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Code == b.Code && a.Enhanced == b.Enhanced && a.Text == b.Text
}
