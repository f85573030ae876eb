package roster

import (
	"errors"
	"fmt"
	"sync"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// numbersReserved is how many post numbers are reserved on disk at a time. So many posts
// share one sync, and a crash leaves a gap of at most so many.
const numbersReserved = 100

// counters count the posts of lists. The zero value is ready.
type counters struct {
	mu    sync.Mutex
	lists map[gateway.ListID]*counter
}

// counter has a lock of its own, so that lists do not wait for each other's syncs, and
// can share one.
type counter struct {
	mu       sync.Mutex
	read     bool   // last and reserved have been read from disk
	last     uint64 // handed out
	reserved uint64 // on disk: the next process hands out only higher numbers
}

func counterKey(id gateway.ListID) []byte { return store.RosterCounters.Key([]byte(id)) }

// NextPost implements gateway.Roster. A number is handed out only once: a crash leaves a
// gap, and so does a post that fails later.
func (r *Roster) NextPost(id gateway.ListID) (uint64, error) {
	if _, err := r.listing(id); err != nil {
		return 0, err
	}
	n, err := r.counters.next(r.db, id)
	if err != nil {
		return 0, fmt.Errorf("count a post of %s: %w", id, err)
	}
	return n, nil
}

func (c *counters) next(db *store.Store, id gateway.ListID) (uint64, error) {
	count := c.of(id)
	count.mu.Lock()
	defer count.mu.Unlock()
	if !count.read {
		last, err := readCounter(db, id)
		if err != nil {
			return 0, err
		}
		count.read, count.last, count.reserved = true, last, last
	}
	if count.last == count.reserved {
		var b store.Batch
		b.Set(counterKey(id), encodeCounter(count.last+numbersReserved))
		if err := db.Commit(&b); err != nil {
			return 0, err
		}
		count.reserved = count.last + numbersReserved
	}
	count.last++
	return count.last, nil
}

func (c *counters) of(id gateway.ListID) *counter {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lists == nil {
		c.lists = map[gateway.ListID]*counter{}
	}
	if c.lists[id] == nil {
		c.lists[id] = &counter{}
	}
	return c.lists[id]
}

// save gives the numbers back that are reserved and were not handed out.
func (c *counters) save(db *store.Store) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b store.Batch
	for id, count := range c.lists {
		count.mu.Lock()
		defer count.mu.Unlock()
		if count.read {
			b.Set(counterKey(id), encodeCounter(count.last))
		}
	}
	if err := db.Commit(&b); err != nil {
		return fmt.Errorf("save the post numbers: %w", err)
	}
	for _, count := range c.lists { // later numbers are reserved again
		count.read = false
	}
	return nil
}

func readCounter(db *store.Store, id gateway.ListID) (uint64, error) {
	record, err := db.Get(counterKey(id))
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	r := store.NewReader(record, recordVersion)
	n := r.Uint()
	return n, r.End()
}

func encodeCounter(n uint64) []byte {
	w := store.NewWriter(recordVersion)
	w.Uint(n)
	return w.Record()
}
