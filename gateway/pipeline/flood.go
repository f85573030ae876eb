package pipeline

import (
	"context"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
	"github.com/mmgw/mmgw/gateway/command"
	"github.com/mmgw/mmgw/gateway/roster"
)

// PostBook knows the Message-IDs of the posts of the last day.
type PostBook interface {
	// SeenPost returns the post with a Message-ID that a list took within a day
	// before now. One with the id 0 is none.
	SeenPost(list gateway.ListID, messageID string, now time.Time) (roster.Post, error)
	// NotePost remembers one that was accepted.
	NotePost(list gateway.ListID, messageID string, post roster.Post, now time.Time) error
}

// before returns the post to a list that had the Message-ID of this one.
func (e *examination) before(list gateway.ListID) (roster.Post, error) {
	id := e.draft.Header.Get("Message-ID")
	if e.in.Posts == nil || id == "" {
		return roster.Post{}, nil
	}
	return e.in.Posts.SeenPost(list, id, e.m.Received)
}

// isFlood says why a post that nobody objects to goes no further, "" if it does:
// a machine answers the list, or the same post was here before and comes again by
// another way. With other fields or another body it is another post, whatever its
// Message-ID: some programs write the same into all.
func (e *examination) isFlood(before roster.Post) (string, error) {
	if before.ID != 0 {
		if digest, err := digestOf(e.draft, before.Key); err != nil {
			return "", err
		} else if digest == before.Digest {
			return "it is " + before.ID.String() + " again", nil
		}
	}
	return e.isReply()
}

// isReply says why a post is the answer of a machine, "" if it is not: what a
// program marks as its own and gives the subject of such an answer is one too,
// though it does not say that it replies, as Exchange's does not. Nor do all mail
// systems write reports: what has no reverse-path and reads as a bounce is one.
func (e *examination) isReply() (string, error) {
	header, from := e.draft.Header, e.m.Envelope.ReversePath
	reason := command.Reply(header, from)
	if reason == "" && bounce.IsReplySubject(header) && command.Automatic(header, from) != "" {
		return "its subject is that of an automatic reply", nil
	}
	if reason != "" || !from.IsNull() {
		return reason, nil
	}
	finding, err := bounce.Inspect(e.m.Content)
	if err == nil && finding.Bounce {
		reason = "it is a bounce"
	}
	return reason, err
}

// endFlood throws a post away. It is the end of a loop: nobody is told but the log.
func (e *examination) endFlood(ctx context.Context, leg gateway.Leg, r ruling, reason string) {
	logger(e.in.Log).Warn("post ended", messageAttrs(e.m), "list", leg.Whose(), "reason", reason)
	r.action = gateway.Discard
	e.enter(ctx, leg, r)
}

// notePosts remembers the posts among the accepted legs. Not to know one is no
// reason to refuse it.
func (in *Intake) notePosts(m *gateway.Message, draft *gateway.Draft) {
	id := draft.Header.Get("Message-ID")
	if in.Posts == nil || id == "" {
		return
	}
	for i := range m.Legs {
		if m.Legs[i].Service != gateway.Post {
			continue
		}
		likeness, err := newLikeness(draft)
		if err == nil {
			err = in.Posts.NotePost(m.Legs[i].List, id, roster.Post{ID: m.ID, Likeness: likeness}, m.Received)
		}
		if err != nil {
			logger(in.Log).Warn("a Message-ID is not remembered", messageAttrs(m), "error", err)
		}
	}
}
