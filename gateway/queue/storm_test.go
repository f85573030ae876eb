package queue

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// outage is entries for one next hop that fails until some time, worked on by
// so many hands, a second an attempt.
type outage struct {
	q      Queue
	policy Policy
	hands  int
	over   time.Time // when the host takes mail again

	now      time.Time
	inHand   []gateway.Entry
	attempts map[gateway.QueueID][]time.Time
	done     int
}

func newOutage(entries, hands int, over time.Time) *outage {
	random := rand.New(rand.NewPCG(1, 2))
	o := &outage{policy: Policy{Random: random.Float64}, hands: hands, over: over, now: start, attempts: map[gateway.QueueID][]time.Time{}}
	o.q.LaneMax = hands
	for i := range entries {
		o.q.Add(gateway.Entry{Message: gateway.QueueID(i + 1), Due: start})
	}
	return o
}

// second ends the attempts in hand and begins those that are due.
func (o *outage) second() {
	o.now = o.now.Add(time.Second)
	for _, e := range o.inHand {
		if !o.now.Before(o.over) {
			o.q.Done(keyOf(&e))
			o.done++
			continue
		}
		e.Attempt++
		e.Due = o.policy.Next(e.Attempt, o.now, e.Expires)
		o.q.Add(e)
	}
	o.inHand = o.q.Next(o.now, math.MaxInt)
	for _, e := range o.inHand {
		o.attempts[e.Message] = append(o.attempts[e.Message], o.now)
	}
}

// After an outage, and after a clock that jumped ahead, everything is due. It
// goes at the pace of the hands, no entry makes up for what it missed, and
// none is tried again before its delay is over.
func TestNoStorm(t *testing.T) {
	const entries, hands = 1000, 8
	for name, c := range map[string]struct {
		outage time.Duration
		jump   time.Duration // half an hour after the start
		most   int           // attempts of one entry
	}{
		"an hour":                {outage: time.Hour, most: 7},
		"two days":               {outage: 48 * time.Hour, most: 24},
		"a jump by a month":      {outage: time.Hour, jump: 720 * time.Hour, most: 7},
		"a jump back by a month": {outage: time.Hour, jump: -720 * time.Hour, most: 7},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOutage(entries, hands, start.Add(c.outage))
			jumpAt := start.Add(30 * time.Minute)
			for steps := 0; o.done < entries; steps++ {
				if c.jump != 0 && o.now.Equal(jumpAt) {
					o.now, o.over, jumpAt = o.now.Add(c.jump), o.over.Add(c.jump), time.Time{}
				}
				if o.second(); len(o.inHand) > hands {
					t.Fatalf("%d attempts in one second", len(o.inHand))
				}
				if limit := c.outage + RetryDelayMax + time.Hour; steps > int(limit/time.Second) {
					t.Fatalf("%d of %d are done %v after the outage", o.done, entries, limit-c.outage)
				}
			}
			for id, times := range o.attempts {
				if len(times) > c.most {
					t.Errorf("entry %d was tried %d times", id, len(times))
				}
				for i := 1; i < len(times); i++ {
					if gap, least := times[i].Sub(times[i-1]), backOff[min(i-1, len(backOff)-1)]*3/4; gap < least && gap > 0 {
						t.Fatalf("entry %d: attempt %d is %v after the one before, want %v", id, i+1, gap, least)
					}
				}
			}
		})
	}
}

// What failed in one moment is not tried again in one moment: no tenth of the
// time that chance has gets much more than a tenth of it.
func TestJitterSpreads(t *testing.T) {
	const entries = 10_000
	policy := Policy{Random: rand.New(rand.NewPCG(1, 2)).Float64}
	for attempt, delay := range backOff {
		var tenths [10]int
		for range entries {
			early := start.Add(delay).Sub(policy.Next(attempt+1, start, time.Time{}))
			tenths[min(int(10*early/(delay/4)), 9)]++
		}
		for tenth, n := range tenths {
			if n > entries/8 {
				t.Errorf("attempt %d: %d of %d fall into tenth %d", attempt+1, n, entries, tenth)
			}
		}
	}
}
