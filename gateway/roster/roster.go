// Package roster implements gateway.Roster: the lists, their members and the
// forward domains. It owns the roster's key spaces of gateway/store.
//
// Lists come from two sources. Those of the configuration are handed over as a whole, at
// start and at each reload; those of the store are created and deleted at run time. The
// members of a list of the configuration are those of its file, as changed by an overlay
// in the store. The overlay remembers what has happened since: who left, was added, is
// disabled or bounces. So a reload never subscribes anyone again.
//
// Addresses are stored as they were given and compared by
// gateway.ForwardPath.Key. The lists are in memory; the members of the store
// are read page by page, so that their number costs no memory.
package roster

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// DelimiterDefault is the delimiter between the local part of a list and a detail.
const DelimiterDefault = "+"

// Options says what a roster uses. Store is required.
type Options struct {
	Store     *store.Store // open; the caller closes it
	Delimiter string       // between the name of a list and a detail; "": DelimiterDefault
	Log       *slog.Logger // nil: none
}

// Roster implements gateway.Roster, and what operators do with lists and members. It is
// safe for concurrent use.
type Roster struct {
	db        *store.Store
	delimiter string
	log       *slog.Logger

	mu       sync.RWMutex
	lists    *directory
	forwards map[string]string // domain: name of its route

	// Locks are taken in the order changes, changing, mu.
	changes  sync.RWMutex              // locked to change lists or many members, read-locked to change one
	changing store.Locks[memberOfList] // locked to change that member
	counters counters

	quotas sync.Mutex // held to change or remove quotas
	purged time.Time  // when purge last did its work

	posts *store.Daybook // by list and Message-ID
}

var _ gateway.Roster = (*Roster)(nil)

// Open reads the lists of the store. Those of the configuration accept no mail
// before SetFileLists.
func Open(options Options) (*Roster, error) {
	r := &Roster{
		db: options.Store, delimiter: options.Delimiter, log: options.Log,
		lists: newDirectory(),
	}
	if r.delimiter == "" {
		r.delimiter = DelimiterDefault
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if r.posts, err = store.OpenDaybook(r.db, store.RosterPosts); err != nil {
		return nil, fmt.Errorf("read the posts of the last days: %w", err)
	}
	for item, err := range r.db.Prefix(store.RosterLists.Key(), nil) {
		if err != nil {
			return nil, fmt.Errorf("read the lists: %w", err)
		}
		list, gone, err := decodeList(item.Value)
		if err != nil {
			id := gateway.ListID(item.Key[1:])
			r.log.Error("ALARM roster: a list cannot be read; its mail is deferred", "id", string(id), "error", err)
			r.lists.enterUnread(id)
			continue
		}
		r.lists.enter(&listing{list: list, gone: gone, unknown: gone})
	}
	return r, nil
}

// Close saves the post numbers. A roster that is not closed leaves a gap in them.
func (r *Roster) Close() error { return r.counters.save(r.db) }

// listing returns a list that accepts mail or has some queued.
func (r *Roster) listing(id gateway.ListID) (*listing, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if l := r.lists.byID[id]; l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("%s: %w", gateway.Printable(string(id)), gateway.ErrUnknownList)
}

// List implements gateway.Roster.
func (r *Roster) List(id gateway.ListID) (*gateway.List, error) {
	l, err := r.listing(id)
	if err != nil {
		return nil, err
	}
	return l.list, nil
}

// Find returns the list with an address or an ID, in any case, if it accepts mail.
func (r *Roster) Find(name string) (*gateway.List, error) {
	key := strings.ToLower(name)
	r.mu.RLock()
	defer r.mu.RUnlock()
	l := r.lists.byAddress[key]
	if l == nil {
		l = r.lists.byID[gateway.ListID(key)]
	}
	if l == nil || l.gone {
		return nil, fmt.Errorf("%s: %w", gateway.Printable(name), gateway.ErrUnknownList)
	}
	return l.list, nil
}
