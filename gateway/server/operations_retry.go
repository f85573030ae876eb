package server

import (
	"context"
	"fmt"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/queue"
)

// queueRetry makes what waits for a later attempt due at once. A gateway that
// runs only changes its schedule, and tries next hops again that did not answer;
// without one it is the spool that is changed.
func (s *Server) queueRetry(ctx context.Context, args QueueIDs) (any, error) {
	if !s.onlyState() {
		s.relay.Retry()
	}
	return eachMessage(ctx, args, func(id gateway.QueueID) error {
		m, err := s.spool.Load(id)
		if err != nil {
			return err
		}
		if !s.onlyState() {
			s.line.change(func(q *queue.Queue) {
				for _, e := range q.Of(id) {
					q.Retry(keyOf(e), time.Now())
				}
			})
			return nil
		}
		for leg := range m.Legs {
			if err := s.dueAtOnce(ctx, m, leg); err != nil {
				return fmt.Errorf("retry %s: %w", id, err)
			}
		}
		return nil
	})
}

func (s *Server) dueAtOnce(ctx context.Context, m *gateway.Message, leg int) error {
	t := gateway.Transition{Message: m.ID, Leg: leg}
	err := s.batches(m, leg, func(b *gateway.Batch) {
		b.Due = time.Now()
		t.Batches = append(t.Batches, b)
	})
	if err != nil || len(t.Batches) == 0 {
		return err
	}
	return s.spool.Commit(ctx, t)
}
