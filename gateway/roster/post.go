package roster

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// PostWindow is how long the Message-ID of a post is known: a copy that comes
// back to its list by another way does so within hours.
const PostWindow = 24 * time.Hour

// Posts are kept by the day on which they came, so that a day goes as one range.
func postDay(t time.Time) []byte {
	days := uint32(max(t.Unix(), 0) / int64(PostWindow/time.Second))
	return binary.BigEndian.AppendUint32(store.RosterPosts.Key(), days)
}

func postKey(id gateway.ListID, messageID string, at time.Time) []byte {
	sum := sha256.Sum256([]byte(string(id) + "\x00" + messageID))
	return append(postDay(at), sum[:quotaKeyBytes]...)
}

// Post is a post that a list took.
type Post struct {
	ID     gateway.QueueID
	Digest [16]byte // by which the caller tells posts apart
}

// SeenPost returns the post with a Message-ID that a list took within
// PostWindow before now. One with the id 0 is none.
func (r *Roster) SeenPost(id gateway.ListID, messageID string, now time.Time) (Post, error) {
	for _, at := range []time.Time{now, now.Add(-PostWindow)} {
		record, err := r.db.Get(postKey(id, messageID, at))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return Post{}, fmt.Errorf("look for a post with the same Message-ID: %w", err)
		}
		reader, _ := store.NewReader(record, recordVersion)
		then, post := reader.Time(), Post{ID: gateway.QueueID(reader.Uint())}
		copy(post.Digest[:], reader.Bytes())
		if reader.End() == nil && now.Sub(then) < PostWindow {
			return post, nil
		}
	}
	return Post{}, nil
}

// NotePost has SeenPost know a post that was accepted. It waits for no sync: a
// crash may forget it.
func (r *Roster) NotePost(id gateway.ListID, messageID string, post Post, now time.Time) error {
	w := store.NewWriter(recordVersion)
	w.Time(now)
	w.Uint(uint64(post.ID))
	w.Bytes(post.Digest[:])
	var b store.Batch
	b.Set(postKey(id, messageID, now), w.Record())
	r.quotas.Lock()
	if today := string(postDay(now)); today != r.postsPurged {
		r.postsPurged = today
		b.DeleteRange(store.RosterPosts.Key(), postDay(now.Add(-2*PostWindow)))
	}
	r.quotas.Unlock()
	return r.db.CommitLater(&b)
}
