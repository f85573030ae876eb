package kv

import "github.com/mmgw/mmgw/gateway/store"

// Scratch are Values that nobody else has, in memory, until they are closed.
type Scratch struct {
	*Values
	db *store.Store
}

// NewScratch makes Values for a trial of a handler, whose changes are not to
// be among what it keeps in earnest.
func NewScratch() (*Scratch, error) {
	db, err := store.Open(store.Options{Dir: "/kv", FS: store.NewMemory().FS()})
	if err != nil {
		return nil, err
	}
	return &Scratch{New(Options{Store: db}), db}, nil
}

// Close forgets them. It is called once, and no call follows.
func (s *Scratch) Close() error { return s.db.Close() }
