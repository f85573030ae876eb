package server

import (
	"context"
	"io"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// How long due entries may wait because the intake is busy.
const (
	burstMax = 10 * time.Second // no delivery begins: most bursts of posts are over by then
	yieldMax = time.Minute      // one hand of each lane works: a minute is still little for mail
)

// yield has deliveries give way while far more contents are being received than there
// are processors. A client waits for each of those, and while an MTA waits it hands us
// no other mail; what is spooled is safe and can wait. It does not wait for long: the
// time counts from when entries were first due and not all being worked on.
type yield struct {
	taking atomic.Int32              // contents that are being received
	busy   atomic.Pointer[time.Time] // when there were last too many; nil: never
	since  time.Time                 // entries have been due since then; zero if none are
}

// busyShare is how many contents for each processor make an intake busy: most
// of them wait for a sync, or for what their handlers ask of DNS.
const busyShare = 4

// calmMin is how long an intake stays busy: in the middle of a burst there are moments
// in which only its clients work.
const calmMin = 100 * time.Millisecond

// begin counts a content, until end.
func (y *yield) begin() {
	if y.taking.Add(1) > int32(busyShare*runtime.GOMAXPROCS(0)) {
		now := time.Now()
		y.busy.Store(&now)
	}
}

func (y *yield) end() { y.taking.Add(-1) }

// hands is the load of each lane that may be worked on at now. due says whether there
// are entries that wait for it.
func (y *yield) hands(now time.Time, due bool) int {
	switch {
	case !due:
		y.since = time.Time{}
		return handsMax
	case y.since.IsZero():
		y.since = now
	}
	busy := y.busy.Load()
	switch waited := now.Sub(y.since); {
	case busy == nil || now.Sub(*busy) >= calmMin || waited >= yieldMax:
		return handsMax
	case waited >= burstMax:
		return 1
	}
	return 0
}

// doorman is an Intake that counts the messages being received.
type doorman struct {
	gateway.Intake
	yield *yield
}

// Message implements gateway.Intake.
func (d doorman) Message(ctx context.Context, client gateway.Client, envelope *gateway.Envelope, content io.Reader) []*gateway.Status {
	d.yield.begin()
	defer d.yield.end()
	return d.Intake.Message(ctx, client, envelope, content)
}
