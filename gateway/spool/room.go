package spool

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway/store"
)

// The reserve is room that mail may not take, so that the database can write
// outcomes, and so get rid of mail, while the disk is full of it. On a small
// disk it is a share, for logs and memtables, and once more what the tables
// have: a compaction that rewrites all of them must come to its end, since
// only then is the room of what was delivered free again. Of files it is what
// logs and tables may need, each of which is one, as a large content is.
const (
	reserveBytesMax  = 512 << 20 // of a large disk: logs and tables of four memtables, and a merge of those of eight more
	reserveFilesMax  = 128
	reserveDiskShare = 4 // of a small one
)

// roomInterval is how long an answer of the file system about its room is
// believed: some thousand messages at full speed, far less than the reserve.
const roomInterval = 100 * time.Millisecond

// ownShare is the part of the reserve that mail of our own may take: a report
// lets the mail go that it is about.
const ownShare = 2

// errNoRoom is why mail is refused that would take of the reserve.
var errNoRoom = errors.New("no room")

// room knows whether the disk has room for mail.
type room struct {
	fs  store.FS
	db  *store.Store
	dir string

	mu            sync.Mutex
	asked         time.Time
	moved         error // the directory is another one now, or gone
	octets, files supply
}

// supply is what a disk has of something.
type supply struct {
	known         bool
	free, reserve uint64
}

// check returns store.Full where only the reserve is left, or for mail of our own
// less than its share. Mail would be lost in a directory that is not the one that
// was opened.
func (r *room) check(own bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.Sub(r.asked) >= roomInterval || now.Before(r.asked) {
		r.asked = now
		r.ask()
	}
	if r.moved != nil {
		return r.moved
	}
	if err := r.octets.check(own, "octets"); err != nil {
		return store.Full(fmt.Errorf("%s: %w", r.dir, err))
	}
	if err := r.files.check(own, "files (inodes)"); err != nil {
		return store.Full(fmt.Errorf("%s: %w", r.dir, err))
	}
	return nil
}

func (s supply) check(own bool, of string) error {
	if own {
		s.reserve -= s.reserve / ownShare
	}
	if s.known && s.free < s.reserve {
		return fmt.Errorf("%w: %d %s free, less than the reserve of %d", errNoRoom, s.free, of, s.reserve)
	}
	return nil
}

// Reserve is how many octets of a disk are kept free of mail, beside as many as the
// tables of the database take on a small one.
func Reserve(total uint64) uint64 { return min(total/reserveDiskShare, reserveBytesMax) }

func (r *room) ask() {
	r.moved = r.db.InPlace()
	free, total, ok := r.fs.Free(r.dir)
	reserve := Reserve(total)
	r.octets = supply{ok, free, reserve + r.db.TableBytes(reserveBytesMax-reserve)}
	free, total, ok = r.fs.Files(r.dir)
	r.files = supply{ok, free, min(total/reserveDiskShare, reserveFilesMax)}
}
