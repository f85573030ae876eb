package pipeline

import (
	"context"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/command"
)

// PostBook knows the Message-IDs of the posts of the last day.
type PostBook interface {
	// SeenPost returns the post with a Message-ID that a list took within a day
	// before now, or 0.
	SeenPost(list gateway.ListID, messageID string, now time.Time) (gateway.QueueID, error)
	// NotePost remembers one that was accepted.
	NotePost(list gateway.ListID, messageID string, post gateway.QueueID, now time.Time) error
}

// before returns the post to a list with the Message-ID of this one, or 0.
func (e *examination) before(list gateway.ListID) (gateway.QueueID, error) {
	id := e.draft.Header.Get("Message-ID")
	if e.in.Posts == nil || id == "" {
		return 0, nil
	}
	return e.in.Posts.SeenPost(list, id, e.m.Received)
}

// isFlood says why a post that nobody objects to goes no further, "" if it does:
// a machine answers the list, or the same post was here before, so that it came
// back by a way that changed it.
func (e *examination) isFlood(before gateway.QueueID) string {
	if before != 0 {
		return "its Message-ID is that of " + before.String()
	}
	return command.Reply(e.draft.Header, e.m.Envelope.ReversePath)
}

// endFlood throws a post away. It is the end of a loop: nobody is told but the log.
func (e *examination) endFlood(ctx context.Context, leg gateway.Leg, r ruling, reason string) {
	logger(e.in.Log).Warn("post ended", messageAttrs(e.m), "list", string(leg.List), "reason", reason)
	r.action = gateway.Discard
	e.enter(ctx, leg, r)
}

// notePosts remembers the posts among the accepted legs. Not to know one is no
// reason to refuse it.
func (in *Intake) notePosts(m *gateway.Message, messageID string) {
	if in.Posts == nil || messageID == "" {
		return
	}
	for i := range m.Legs {
		if m.Legs[i].Service != gateway.Post {
			continue
		}
		if err := in.Posts.NotePost(m.Legs[i].List, messageID, m.ID, m.Received); err != nil {
			logger(in.Log).Warn("a Message-ID is not remembered", messageAttrs(m), "error", err)
		}
	}
}
