// Package replay keeps incoming messages for a while, as they came, so that a
// new version of a handler can be tried on them. It owns the spaces
// ReplayHeads and ReplayContents of gateway/store.
//
// What is kept is for that alone: no queue knows about it, and it is never delivered. It
// is removed when its time is over, and the oldest is removed before there are more than
// MessagesMax messages or BytesMax octets. Keeping does not wait for a sync: a crash may
// lose what was kept last, but never mail.
package replay

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// Bounds of what is kept.
const (
	MessagesMax     = 10_000    // a busy site's day; a replay of all takes some seconds
	BytesMax        = 256 << 20 // of contents, and no more than a log may take
	ContentBytesMax = 1 << 20   // larger messages are not kept: handlers decide by what is in front
)

// Options says what is kept where. Store is required.
type Options struct {
	Store    *store.Store     // open; it stays the caller's
	For      time.Duration    // how long a message is kept; 0: nothing is, and what was is removed
	BytesMax int64            // 0: BytesMax
	Now      func() time.Time // nil: time.Now
	Log      *slog.Logger     // nil: none
}

// Messages are what is kept. They are safe for concurrent use.
type Messages struct {
	options Options

	mu    sync.Mutex
	index []entry // the oldest first
	known map[[sha256.Size]byte]bool
	bytes int64
}

// entry is a message that is kept.
type entry struct {
	id       gateway.QueueID
	received time.Time
	size     int64
	identity [sha256.Size]byte
}

// Message is a message as it came, and what authentication found then. Its
// content is in memory.
type Message struct {
	gateway.Message
	Auth gateway.AuthResults
}

// Open reads what is kept and removes what has expired.
func Open(options Options) (*Messages, error) {
	if options.BytesMax == 0 {
		options.BytesMax = BytesMax
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	k := &Messages{options: options, known: map[[sha256.Size]byte]bool{}}
	if options.For == 0 {
		return k, k.removeAll()
	}
	var bad store.Batch
	for item, err := range options.Store.Prefix(store.ReplayHeads.Key(), nil) {
		if err != nil {
			return nil, fmt.Errorf("messages for replay: %w", err)
		}
		m, err := decode(item.Key, item.Value)
		if err != nil {
			options.Log.Warn("a message for replay cannot be read, and is removed", "error", err)
			bad.Delete(bytes.Clone(item.Key))
			bad.Delete(store.ReplayContents.Key(item.Key[1:]))
			continue
		}
		k.enter(m)
	}
	if !bad.Empty() {
		if err := options.Store.CommitLater(&bad); err != nil {
			return nil, err
		}
	}
	return k, k.Expire()
}

// removeAll removes what was kept before nothing was to be.
func (k *Messages) removeAll() error {
	var b store.Batch
	for _, space := range []store.Space{store.ReplayHeads, store.ReplayContents} {
		switch _, err := k.options.Store.Last(space.Key()); {
		case err == nil:
			b.DeletePrefix(space.Key())
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	if b.Empty() {
		return nil
	}
	return k.options.Store.CommitLater(&b)
}

func (k *Messages) enter(m *Message) {
	e := entry{m.ID, m.Received, m.Content.Size(), identity(&m.Message)}
	k.index = append(k.index, e)
	k.known[e.identity] = true
	k.bytes += e.size
}

// identity is the same for a message that is sent again after a deferral.
func identity(m *gateway.Message) [sha256.Size]byte {
	h := sha256.New()
	h.Write(m.Digest[:])
	io.WriteString(h, string(m.Envelope.ReversePath))
	for _, r := range m.Envelope.Recipients {
		io.WriteString(h, "\x00"+string(r.Path))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Keep keeps a message, unless it is too large or one that came again.
func (k *Messages) Keep(m *gateway.Message, auth gateway.AuthResults) error {
	size := m.Content.Size()
	if k.options.For == 0 || size > min(ContentBytesMax, k.options.BytesMax) {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known[identity(m)] {
		return nil
	}
	head, content, err := encode(m, auth)
	if err != nil {
		return err
	}
	var b store.Batch
	b.Set(headKey(m.ID), head)
	b.Set(contentKey(m.ID), content)
	k.expire(&b, len(k.index)+1-MessagesMax, k.bytes+size-k.options.BytesMax)
	if err := k.options.Store.CommitLater(&b); err != nil {
		return fmt.Errorf("keep %s for replay: %w", m.ID, err)
	}
	k.enter(&Message{Message: *m})
	return nil
}

// Expire removes what has expired.
func (k *Messages) Expire() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var b store.Batch
	if k.expire(&b, 0, 0); b.Empty() {
		return nil
	}
	return k.options.Store.CommitLater(&b)
}

// expire removes the oldest: those that have expired, and so many messages and
// octets as are too many.
func (k *Messages) expire(b *store.Batch, messages int, bytes int64) {
	end := k.options.Now().Add(-k.options.For)
	gone := 0
	for _, e := range k.index {
		if e.received.After(end) && gone >= messages && bytes <= 0 {
			break
		}
		b.Delete(headKey(e.id))
		b.Delete(contentKey(e.id))
		delete(k.known, e.identity)
		k.bytes -= e.size
		bytes -= e.size
		gone++
	}
	k.index = k.index[gone:]
}

// Last are the n newest messages, the oldest of them first. One that cannot be
// read is an error, and the others go on.
func (k *Messages) Last(n int) iter.Seq2[*Message, error] {
	k.mu.Lock()
	defer k.mu.Unlock()
	end := k.options.Now().Add(-k.options.For)
	var ids []gateway.QueueID
	for _, e := range k.index[max(len(k.index)-n, 0):] {
		if e.received.After(end) {
			ids = append(ids, e.id)
		}
	}
	return func(yield func(*Message, error) bool) {
		for _, id := range ids {
			m, err := k.load(id)
			if !yield(m, err) {
				return
			}
		}
	}
}

func (k *Messages) load(id gateway.QueueID) (*Message, error) {
	head, err := k.options.Store.Get(headKey(id))
	var m *Message
	if err == nil {
		m, err = decode(headKey(id), head)
	}
	var content []byte
	if err == nil {
		content, err = k.options.Store.Get(contentKey(id))
	}
	if err == nil {
		err = m.takeContent(content)
	}
	if err != nil {
		return nil, fmt.Errorf("message %s for replay: %w", id, err)
	}
	return m, nil
}
