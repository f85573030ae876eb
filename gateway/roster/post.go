package roster

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// PostWindow is how long the Message-ID of a post is remembered: a copy that comes to its
// list by another way does so within hours.
const PostWindow = store.DaybookWindow

func postFingerprint(id gateway.ListID, messageID string) []byte {
	sum := sha256.Sum256([]byte(string(id) + "\x00" + messageID))
	return sum[:quotaKeyBytes]
}

// Post is a post that a list has accepted.
type Post struct {
	ID gateway.QueueID
	Likeness
}

// Likeness is how the caller compares posts: a digest, and the key that it was made with.
type Likeness struct{ Key, Digest [16]byte }

// SeenPost returns the post with a Message-ID that a list has accepted within PostWindow
// before now. Its ID is 0 if there is none.
func (r *Roster) SeenPost(id gateway.ListID, messageID string, now time.Time) (Post, error) {
	record, err := r.posts.Find(postFingerprint(id, messageID), now)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Post{}, nil
	case err != nil:
		return Post{}, fmt.Errorf("look for a post with the same Message-ID: %w", err)
	}
	reader := store.NewReader(record, recordVersion)
	then, post := reader.Time(), Post{ID: gateway.QueueID(reader.Uint())}
	copy(post.Key[:], reader.Bytes())
	copy(post.Digest[:], reader.Bytes())
	if reader.End() != nil || now.Sub(then) >= PostWindow {
		return Post{}, nil
	}
	return post, nil
}

// NotePost remembers an accepted post for SeenPost. It does not wait for a sync: a crash
// may forget it.
func (r *Roster) NotePost(id gateway.ListID, messageID string, post Post, now time.Time) error {
	w := store.NewWriter(recordVersion)
	w.Time(now)
	w.Uint(uint64(post.ID))
	w.Bytes(post.Key[:])
	w.Bytes(post.Digest[:])
	var b store.Batch
	r.posts.Note(&b, postFingerprint(id, messageID), w.Record(), now)
	return r.db.CommitLater(&b)
}
