package pipeline

import (
	"context"
	"crypto/sha256"
	"io"
	"strings"
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

// bodyDigestMax is how many octets of a body are compared.
const bodyDigestMax = 256 << 10

// wayFields are what hosts on the way of a message add to it, in lower case.
var wayFields = map[string]bool{
	"received": true, "return-path": true, "delivered-to": true, "x-original-to": true, "envelope-to": true,
	"authentication-results": true, "received-spf": true,
	"arc-seal": true, "arc-message-signature": true, "arc-authentication-results": true,
}

// digestOf tells messages apart, whichever way they came: by the fields of their
// authors, the first octets of the body and its length.
func digestOf(draft *gateway.Draft) (digest [16]byte, err error) {
	body := draft.Body()
	r, err := body.Open()
	if err != nil {
		return digest, err
	}
	defer r.Close()
	h := sha256.New()
	for _, field := range draft.Header {
		if !wayFields[strings.ToLower(field.Name())] {
			io.WriteString(h, string(field)) // a hash does not fail
		}
	}
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	if _, err := io.CopyBuffer(h, io.LimitReader(r, bodyDigestMax), *buffer); err != nil {
		return digest, err
	}
	size := body.Size()
	h.Write([]byte{byte(size), byte(size >> 8), byte(size >> 16), byte(size >> 24)})
	return [16]byte(h.Sum(nil)), nil
}

// isFlood says why a post that nobody objects to goes no further, "" if it does:
// a machine answers the list, or the same post was here before and comes again by
// another way. With other fields or another body it is another post, whatever its
// Message-ID: some programs write the same into all.
func (e *examination) isFlood(before roster.Post) (string, error) {
	if before.ID != 0 {
		if digest, err := digestOf(e.draft); err != nil {
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
		digest, err := digestOf(draft)
		if err == nil {
			err = in.Posts.NotePost(m.Legs[i].List, id, roster.Post{ID: m.ID, Digest: digest}, m.Received)
		}
		if err != nil {
			logger(in.Log).Warn("a Message-ID is not remembered", messageAttrs(m), "error", err)
		}
	}
}
