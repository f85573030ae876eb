// Package queue decides what of the spool is done next, and what follows from
// an attempt. It is pure: it reads no clock, starts no goroutine and touches
// no disk; time is an argument, what to do is a result.
//
// Entries wait for their time; those that are due go by priority, the lower
// number first, and among the lists of one priority in turn, so that a post to
// a million members does not delay that of a small list. The caller takes as
// many at a time as it has hands, so that after an outage, or a jump of the
// clock, the work that is due comes at the pace at which it is done.
package queue

import (
	"container/heap"
	"iter"
	"slices"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// ClockStepMin is the least step back of the clock that is taken for one; the
// waiting times move with it. Smaller ones only lengthen a delay.
const ClockStepMin = time.Minute

// Queue holds the entries that are to be done. The zero value is empty and
// ready. It is used by one goroutine at a time. It goes by the wall clock, as what
// was read from the disk does.
type Queue struct {
	// LaneMax is the load of one lane at which no more of it is given out, 0 for
	// any. The load is that of the entries in the caller's hands: one for each 250
	// recipients of a batch, or part of them, and two for a leg to be expanded.
	// Batches for one next hop are a lane, legs to be expanded are another, so
	// that a host that answers nothing keeps nobody but its own. It may change at
	// any time.
	LaneMax int

	// RoutesMax is the load of all lanes for next hops other than the upstream MTA
	// together, 0 for any: where many of them answer nothing, each has its share of
	// it, of 1 at least.
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
	placeGone // removed while it stood in line
)

func keyOf(e *gateway.Entry) gateway.BatchKey {
	return gateway.BatchKey{Message: e.Message, Leg: e.Leg, Number: e.Batch}
}

// Add puts an entry into the queue, in place of the one of the same message,
// leg and batch: a new one, or one that was taken and is due again. An entry
// with gateway.StageHeld is kept and not given out. One whose Expires is
// before its Due is due at Expires, for the last attempt; after that at its Due.
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

// Next takes up to n entries that are due at now, the most urgent first, and
// of each lane until its load is LaneMax. Each is in the caller's
// hands until Return, Add or Done names it again.
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

// Wake is when Next has something to give out, as long as nothing changes:
// the zero time for at once. ok is false where there is nothing to wait for.
func (q *Queue) Wake() (at time.Time, ok bool) {
	if q.lanes.next(q.LaneMax, q.RoutesMax) >= 0 {
		return time.Time{}, true
	}
	if len(q.waiting) > 0 {
		return q.waiting[0].due, true
	}
	return time.Time{}, false
}

// Crowded says whether an entry that is in the caller's hands is in the way of
// one that is due: all hands of its lane are taken, and mail of another list, or
// more urgent mail, waits. Who lays it down and adds it again lets that go first.
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

// Return takes back what is left of an entry in the caller's hands. One that was
// removed, held or added again meanwhile stays as it is.
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

// All are the entries, in no order. None is added or taken out meanwhile.
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

// Retry makes an entry due at now that is waiting for a later time, and says
// whether it was.
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

// Count is how many entries are where.
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
