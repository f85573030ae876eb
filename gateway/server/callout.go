package server

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/pipeline"
)

// How long the answer of a backend is believed, and how many are kept: a
// recipient that was just made must be reachable soon, and strangers must not
// fill the memory.
const (
	calloutYes   = 5 * time.Minute
	calloutNo    = time.Minute
	calloutsKept = 10_000
)

// calloutTimeout is how long a backend may take: the MTA waits for the answer,
// and every session that waits is one that takes no other mail.
const calloutTimeout = 30 * time.Second

// callouts remembers which recipients the backends of forward routes take.
type callouts struct {
	ask  map[string]bool // routes whose backends are asked
	once func(ctx context.Context, route string, to gateway.ForwardPath) *gateway.Status

	mu    sync.Mutex
	known map[calloutKey]calloutAnswer
}

type calloutKey struct{ route, path string }

type calloutAnswer struct {
	status *gateway.Status
	until  time.Time
}

// verify returns the backend's refusal of a recipient, or nil. A backend that
// does not answer is a deferral, and is asked again the next time. Each deferral
// is 451: the 421 of a backend that goes is about its connection, not the MTA's.
func (c *callouts) verify(ctx context.Context, route string, to gateway.ForwardPath) error {
	if !c.ask[route] {
		return nil
	}
	key := calloutKey{route, string(to)}
	status := c.recall(key)
	if status == nil {
		ctx, cancel := context.WithTimeout(ctx, calloutTimeout)
		defer cancel()
		status = c.once(ctx, route, to)
		c.keep(key, status)
	}
	switch status.Class() {
	case gateway.Success:
		return nil
	case gateway.Permanent:
		return status
	}
	return &gateway.Status{Code: 451, Enhanced: status.Detail(), Text: status.Text, Cause: status.Cause}
}

func (c *callouts) recall(key calloutKey) *gateway.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answer, ok := c.known[key]; ok && time.Now().Before(answer.until) {
		return answer.status
	}
	return nil
}

func (c *callouts) keep(key calloutKey, status *gateway.Status) {
	lifetime := map[gateway.Class]time.Duration{gateway.Success: calloutYes, gateway.Permanent: calloutNo}[status.Class()]
	if lifetime == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[calloutKey]calloutAnswer{}
	}
	now := time.Now()
	if len(c.known) >= calloutsKept {
		c.makeRoom(now)
	}
	c.known[key] = calloutAnswer{status, now.Add(lifetime)}
}

// callouts are those of the configuration.
func (s *Server) callouts() *callouts {
	ask := map[string]bool{}
	for _, forward := range s.cfg.Forwards {
		ask[forward.Name] = forward.Verify == config.VerifyCallout
	}
	return &callouts{ask: ask, once: func(ctx context.Context, name string, to gateway.ForwardPath) *gateway.Status {
		return s.relay.Verify(ctx, pipeline.ForwardRoute(name), to)
	}}
}

// makeRoom forgets what is over and, where that is not a tenth, any others: those who
// write to more recipients than are kept still find most of them known.
func (c *callouts) makeRoom(now time.Time) {
	maps.DeleteFunc(c.known, func(_ calloutKey, a calloutAnswer) bool { return !now.Before(a.until) })
	for key := range c.known {
		if len(c.known) <= calloutsKept*9/10 {
			return
		}
		delete(c.known, key)
	}
}
