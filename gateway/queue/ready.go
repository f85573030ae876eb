package queue

import (
	"slices"

	"github.com/mmgw/mmgw/gateway"
)

// ready holds the items of a lane that are due: by priority, and within one by list,
// whose turns go round.
type ready struct {
	lines []*line // by priority, none of them empty
	count int     // of items that are not gone
}

// line is the lists of one priority in the order of their turns.
type line struct {
	priority int
	lists    map[gateway.ListID][]*item
	turns    []gateway.ListID // of the lists that have items
}

func (r *ready) add(it *item) {
	i, found := slices.BinarySearchFunc(r.lines, it.entry.Priority, func(l *line, priority int) int { return l.priority - priority })
	if !found {
		r.lines = slices.Insert(r.lines, i, &line{priority: it.entry.Priority, lists: map[gateway.ListID][]*item{}})
	}
	l, list := r.lines[i], it.entry.List
	if len(l.lists[list]) == 0 {
		l.turns = append(l.turns, list)
	}
	l.lists[list] = append(l.lists[list], it)
	r.count++
}

// priority is that of the next item, as far as is known: it may be gone. There
// is one.
func (r *ready) priority() int { return r.lines[0].priority }

// waits says whether something is ready that is more urgent than e, or as
// urgent and of another list. An entry that is gone may count for a while.
func (r *ready) waits(e *gateway.Entry) bool {
	for _, l := range r.lines {
		switch {
		case l.priority > e.Priority:
			return false
		case l.priority < e.Priority, len(l.turns) > 1, l.turns[0] != e.List:
			return true
		}
	}
	return false
}

// take returns the next item in turn, or nil.
func (r *ready) take() *item {
	for len(r.lines) > 0 {
		it := r.lines[0].take()
		if len(r.lines[0].turns) == 0 {
			r.lines = slices.Delete(r.lines, 0, 1)
		}
		if it.place == placeReady {
			r.count--
			return it
		}
	}
	return nil
}

// take returns the first item of the list whose turn it is, gone or not.
func (l *line) take() *item {
	list := l.turns[0]
	items := l.lists[list]
	it := items[0]
	l.turns = l.turns[1:]
	if len(items) == 1 {
		delete(l.lists, list)
		return it
	}
	items[0] = nil
	l.lists[list] = items[1:]
	l.turns = append(l.turns, list)
	return it
}
