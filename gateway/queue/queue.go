// Package queue decides what of the spool is done next, and what follows from an
// attempt. It is pure: it reads no clock, starts no goroutine and touches no disk. The
// time is an argument, and what to do is a result.
//
// Entries wait for their time. Those that are due go by priority, the lower number
// first, and by turns among the lists of one priority, so that a post to a million
// members does not delay a post to a small list. The caller takes as many as it has
// hands to work on them. So after an outage, or a jump of the clock, due work comes at
// the pace at which it gets done.
package queue

import (
	"container/heap"
	"iter"
	"slices"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// ClockStepMin is the smallest step back of the clock with which waiting times move.
// Smaller steps only lengthen a delay.
const ClockStepMin = time.Minute

// Queue holds the entries that are to be done. The zero value is empty and
// ready. It is used by one goroutine at a time. It goes by the wall clock, as what
// was read from the disk does.
type Queue struct {
	// LaneMax is the load of a lane at which no more of it is given out; 0 is no
	// limit. The batches for one next hop are a lane, and the legs to be expanded are
	// one, so that a host that does not answer delays only its own mail. The load is
	// that of the entries in the caller's hands: 1 for each 250 recipients of a batch,
	// or a part of 250, and 2 for a leg to be expanded. It may be changed at any time.
	LaneMax int

	// RoutesMax is the load of all lanes together, except those of the upstream MTA and
	// of expansion; 0 is no limit. If many next hops do not answer, each has its share,
	// at least 1.
	RoutesMax int

	items   map[gateway.QueueID][]*item // of each message
	count   int                         // of all items
	waiting byDue
	lanes   lanes
	last    time.Time // the latest now
}

// item is an entry in one of four places.
type item struct {
	entry gateway.Entry
	place place
	lane  *lane
	index int // in waiting
	due   time.Time
}

type place uint8

const (
	placeWaiting place = iota
	placeReady
	placeTaken
	placeHeld // waits for a release
	placeGone // removed while it was ready
)

func keyOf(e *gateway.Entry) gateway.BatchKey {
	return gateway.BatchKey{Message: e.Message, Leg: e.Leg, Number: e.Batch}
}

// Add puts an entry into the queue: a new one, or one that was taken and is due again.
// It replaces the entry of the same message, leg and batch. An entry with
// gateway.StageHeld is kept but not given out. If Expires is before Due the entry is due
// at Expires, for the last attempt, and once that is over at Due.
func (q *Queue) Add(e gateway.Entry) {
	key := keyOf(&e)
	q.Done(key)
	if q.items == nil {
		q.items = map[gateway.QueueID][]*item{}
	}
	it := &item{entry: e, due: e.Due.Round(0), lane: q.lanes.of(&e)}
	if e.Expires.After(q.last) && e.Expires.Before(e.Due) {
		it.due = e.Expires.Round(0)
	}
	q.items[e.Message] = append(q.items[e.Message], it)
	q.count++
	if e.Stage == gateway.StageHeld {
		it.place = placeHeld
		return
	}
	heap.Push(&q.waiting, it)
}

// Next takes up to n entries that are due at now, the most urgent first, and from each
// lane until its load is LaneMax. An entry is in the caller's hands until it is given
// to Return, Add or Done.
func (q *Queue) Next(now time.Time, n int) []gateway.Entry {
	now = now.Round(0)
	q.follow(now)
	for len(q.waiting) > 0 && !q.waiting[0].due.After(now) {
		it := heap.Pop(&q.waiting).(*item)
		it.place = placeReady
		it.lane.ready.add(it)
	}
	var entries []gateway.Entry
	for len(entries) < n {
		at := q.lanes.next(q.LaneMax, q.RoutesMax)
		if at < 0 {
			break
		}
		entries = append(entries, q.lanes.take(at).entry)
	}
	return entries
}

// follow moves the waiting times with a clock that was set back.
func (q *Queue) follow(now time.Time) {
	if step := q.last.Sub(now); step >= ClockStepMin && !q.last.IsZero() {
		for _, it := range q.waiting {
			it.due = it.due.Add(-step)
		}
	}
	q.last = now
}

// Wake is when Next will have something to give out if nothing changes; the zero time is
// at once. ok is false if there is nothing to wait for.
func (q *Queue) Wake() (at time.Time, ok bool) {
	if q.lanes.next(q.LaneMax, q.RoutesMax) >= 0 {
		return time.Time{}, true
	}
	if len(q.waiting) > 0 {
		return q.waiting[0].due, true
	}
	return time.Time{}, false
}

// Crowded says whether an entry in the caller's hands keeps others waiting: all hands
// of its lane are taken, and mail of another list, or more urgent mail, is due. If the
// caller returns the entry unfinished, that mail goes first.
func (q *Queue) Crowded(e *gateway.Entry) bool {
	l := q.lanes.of(e)
	return l.isFull(q.LaneMax, q.lanes.share(q.LaneMax, q.RoutesMax)) && l.ready.count > 0 && l.ready.waits(e)
}

// find returns the place of an entry among those of its message.
func (q *Queue) find(key gateway.BatchKey) (at int, it *item) {
	for at, it := range q.items[key.Message] {
		if it.entry.Leg == key.Leg && it.entry.Batch == key.Number {
			return at, it
		}
	}
	return 0, nil
}

// Done takes an entry out of the queue, wherever it is.
func (q *Queue) Done(key gateway.BatchKey) {
	at, it := q.find(key)
	if it == nil {
		return
	}
	switch it.place {
	case placeWaiting:
		heap.Remove(&q.waiting, it.index)
	case placeReady:
		it.lane.ready.count--
	case placeTaken:
		it.lane.taken--
		it.lane.load -= load(&it.entry)
	}
	it.place = placeGone
	q.count--
	if rest := slices.Delete(q.items[key.Message], at, at+1); len(rest) > 0 {
		q.items[key.Message] = rest
	} else {
		delete(q.items, key.Message)
	}
}

// Return takes back what is left of an entry in the caller's hands. If the entry was
// removed, held or added again meanwhile, nothing changes.
func (q *Queue) Return(left gateway.Entry) {
	if _, it := q.find(keyOf(&left)); it != nil && it.place == placeTaken {
		q.Add(left)
	}
}

// Find returns an entry, wherever it is.
func (q *Queue) Find(key gateway.BatchKey) (e gateway.Entry, ok bool) {
	_, it := q.find(key)
	if it == nil {
		return e, false
	}
	return it.entry, true
}

// All are the entries, in no order. The queue must not be changed meanwhile.
func (q *Queue) All() iter.Seq[*gateway.Entry] {
	return func(yield func(*gateway.Entry) bool) {
		for _, items := range q.items {
			for _, it := range items {
				if !yield(&it.entry) {
					return
				}
			}
		}
	}
}

// Of are the entries of a message, as they are now.
func (q *Queue) Of(id gateway.QueueID) []gateway.Entry {
	var entries []gateway.Entry
	for _, it := range q.items[id] {
		entries = append(entries, it.entry)
	}
	return entries
}

// Remove takes out every entry of a message.
func (q *Queue) Remove(id gateway.QueueID) {
	for _, e := range q.Of(id) {
		q.Done(keyOf(&e))
	}
}

// Hold keeps every entry of a message from being given out until it is added again,
// and returns those that were not held before, as they were.
func (q *Queue) Hold(id gateway.QueueID) (held []gateway.Entry) {
	for _, it := range q.items[id] {
		if it.place != placeHeld {
			held = append(held, it.entry)
		}
	}
	for _, e := range held {
		e.Stage = gateway.StageHeld
		q.Add(e)
	}
	return held
}

// Retry makes an entry that waits for a later time due at now. It returns false if the
// entry does not wait.
func (q *Queue) Retry(key gateway.BatchKey, now time.Time) bool {
	now = now.Round(0)
	_, it := q.find(key)
	if it == nil || it.place != placeWaiting || !it.due.After(now) {
		return false
	}
	it.due, it.entry.Due = now, now
	heap.Fix(&q.waiting, it.index)
	return true
}

// Count is how many entries there are in each place.
type Count struct {
	Waiting int // for their time
	Ready   int // due, and not taken
	Taken   int
	Held    int
}

// Count counts the entries.
func (q *Queue) Count() Count {
	c := Count{Waiting: len(q.waiting)}
	for _, l := range q.lanes.all {
		c.Ready += l.ready.count
		c.Taken += l.taken
	}
	c.Held = q.count - c.Waiting - c.Ready - c.Taken
	return c
}

// byDue is a heap of waiting items.
type byDue []*item

// Len implements heap.Interface.
func (h byDue) Len() int { return len(h) }

// Less puts the older message first where the times are the same.
func (h byDue) Less(i, j int) bool {
	a, b := h[i], h[j]
	if !a.due.Equal(b.due) {
		return a.due.Before(b.due)
	}
	if a.entry.Message != b.entry.Message {
		return a.entry.Message < b.entry.Message
	}
	return a.entry.Batch < b.entry.Batch
}

// Swap keeps the items' places.
func (h byDue) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push appends x, an *item.
func (h *byDue) Push(x any) {
	it := x.(*item)
	it.place, it.index = placeWaiting, len(*h)
	*h = append(*h, it)
}

// Pop removes the last item.
func (h *byDue) Pop() any {
	old := *h
	it := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return it
}
