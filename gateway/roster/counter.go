package roster

import (
	"errors"
	"fmt"
	"sync"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// numbersReserved is how many post numbers are taken from the disk at a time:
// so many posts share one sync, and so large is the gap after a crash at most.
const numbersReserved = 100

// counters count the posts of lists. The zero value is ready.
type counters struct {
	mu    sync.Mutex
	lists map[gateway.ListID]*counter
}

// counter is locked by itself: no list waits for the sync of another one's, and
// those of many lists are one.
type counter struct {
	mu       sync.Mutex
	read     bool   // what follows is
	last     uint64 // handed out
	reserved uint64 // on the disk: no number up to it is handed out by the next process
}

func counterKey(id gateway.ListID) []byte { return store.RosterCounters.Key([]byte(id)) }

// NextPost implements gateway.Roster. A number is handed out once: a crash
// leaves a gap, and so does a post that fails behind it.
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

// save gives back what is reserved and was not handed out.
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
	for _, count := range c.lists { // a number that is asked for after this is reserved again
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
