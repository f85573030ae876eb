package queue

import "github.com/mmgw/mmgw/gateway"

// lane is the entries that wait for the same thing.
type lane struct {
	expand bool   // legs to be expanded, which need no host
	route  string // of batches
	ready  ready
	taken  int
	load   int // of those that are taken
}

// What an entry in hand costs its lane: a batch has its plan in memory, some 500
// KiB for a thousand recipients, and a leg that is expanded makes one after the
// other. Small ones cost little, and wait for the disk most of the time.
const (
	recipientsOfLoad = 250
	loadOfLeg        = 2
)

func load(e *gateway.Entry) int {
	if e.Batch == gateway.ExpandLeg {
		return loadOfLeg
	}
	return max(1, (e.Recipients+recipientsOfLoad-1)/recipientsOfLoad)
}

// lanes are few: one for each next hop, and that of expansion. They stay.
type lanes struct {
	all  []*lane
	last int // the one that was served last
}

// of returns the lane of an entry, and makes it where there is none.
func (s *lanes) of(e *gateway.Entry) *lane {
	expand, route := e.Batch == gateway.ExpandLeg, e.Route
	for _, l := range s.all {
		if l.expand == expand && l.route == route {
			return l
		}
	}
	l := &lane{expand: expand, route: route}
	s.all = append(s.all, l)
	return l
}

// next returns the place of the lane with the most urgent entry among those
// that have room, in turn where several have; -1 if there is none.
func (s *lanes) next(laneMax, routesMax int) int {
	best, share := -1, s.share(laneMax, routesMax)
	for i := range s.all {
		at := (s.last + 1 + i) % len(s.all)
		l := s.all[at]
		if l.ready.count == 0 || l.isFull(laneMax, share) {
			continue
		}
		if best < 0 || l.ready.priority() < s.all[best].ready.priority() {
			best = at
		}
	}
	return best
}

// isRoute says whether a lane is one of those of which there may be many.
func (l *lane) isRoute() bool { return l.route != "" && !l.expand }

// isFull says whether no more of a lane is given out, by the limit of a lane and
// the share of one of many.
func (l *lane) isFull(laneMax, share int) bool {
	if l.isRoute() {
		laneMax = share
	}
	return laneMax > 0 && l.load >= laneMax
}

// share is the load of each of the routes that have something to do, which have
// routesMax together.
func (s *lanes) share(laneMax, routesMax int) int {
	busy := 0
	for _, l := range s.all {
		if l.isRoute() && (l.load > 0 || l.ready.count > 0) {
			busy++
		}
	}
	if laneMax == 0 || routesMax == 0 || busy == 0 {
		return laneMax
	}
	return min(laneMax, max(routesMax/busy, 1))
}

// take takes the next entry of the lane at that place.
func (s *lanes) take(at int) *item {
	s.last = at
	l := s.all[at]
	it := l.ready.take()
	it.place = placeTaken
	l.taken++
	l.load += load(&it.entry)
	return it
}
