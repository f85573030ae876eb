package server

import (
	"log/slog"
	"sync"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/pipeline"
)

// nextHops tells the operator of next hops that cannot be talked to: once when
// that begins and once when it is over, however many messages wait meanwhile.
// The zero value is ready.
type nextHops struct {
	mu   sync.Mutex
	away map[string]bool
	ours gateway.QueueID // the last message that failed for a fault of our own
}

// note is told of the outcome of an attempt. A status with a private cause is not
// what the next hop said, but what became of the connection to it, or a fault of our
// own, such as a content that cannot be read.
func (n *nextHops) note(log *slog.Logger, nextHop string, a *pipeline.Attempt) {
	n.mu.Lock()
	defer n.mu.Unlock()
	status := a.Outcome.Status
	switch away := n.away[nextHop]; {
	case status.Cause != nil && status.Enhanced == gateway.Deferred(nil).Enhanced:
		if a.Message.ID != n.ours {
			n.ours = a.Message.ID
			log.Error("a message cannot be sent for a fault here, it waits", "id", n.ours.String(), "cause", gateway.Printable(status.Cause.Error()))
		}
	case !away && status.Class() == gateway.Transient && status.Cause != nil:
		if n.away == nil {
			n.away = map[string]bool{}
		}
		n.away[nextHop] = true
		log.Warn("the next hop fails, mail for it waits", "next_hop", nextHop,
			"reply", gateway.Printable(status.Reply()), "cause", gateway.Printable(status.Cause.Error()))
	case away && status.Class() == gateway.Success:
		delete(n.away, nextHop)
		log.Info("the next hop works again", "next_hop", nextHop)
	}
}
