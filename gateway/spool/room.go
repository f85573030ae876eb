package spool

import (
	"fmt"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway/store"
)

// The reserve is room that mail may not take, so that the database can write
// outcomes, and so get rid of mail, while the disk is full of it. On a small
// disk it is a share, for logs and memtables, and once more what the tables
// have: a compaction that rewrites all of them must come to its end, since
// only then is the room of what was delivered free again.
const (
	reserveBytesMax  = 128 << 20 // of a large disk: several logs, memtables and compactions
	reserveDiskShare = 4         // of a small one
)

// roomInterval is how long an answer of the file system about its room is
// believed: some thousand messages at full speed, far less than the reserve.
const roomInterval = 100 * time.Millisecond

// room knows whether the disk has room for mail.
type room struct {
	fs  store.FS
	db  *store.Store
	dir string

	mu    sync.Mutex
	asked time.Time
	err   error
}

// check returns store.Full where only the reserve is left.
func (r *room) check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.Sub(r.asked) >= roomInterval || now.Before(r.asked) {
		r.asked, r.err = now, r.ask()
	}
	return r.err
}

func (r *room) ask() error {
	free, total, ok := r.fs.Free(r.dir)
	reserve := min(total/reserveDiskShare, reserveBytesMax)
	reserve = min(reserve+r.db.TableBytes(reserveBytesMax), reserveBytesMax)
	if ok && free < reserve {
		return store.Full(fmt.Errorf("%s: %d octets free, less than the reserve of %d", r.dir, free, reserve))
	}
	return nil
}
