package server

import (
	"context"
	"io"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// How long what is due may wait because the intake is busy.
const (
	burstMax = 10 * time.Second // nothing is begun: so long do most bursts of posts take
	yieldMax = time.Minute      // one hand of each lane works: still little beside the time that mail is on its way
)

// yield has deliveries give way while far more contents are being taken up than
// there are processors. A client waits for each of those, and an MTA that waits
// keeps mail of everybody from us; what is spooled is safe and can wait. It does
// not wait for long: the time counts from when entries were first due and not
// all in hand.
type yield struct {
	taking atomic.Int32              // contents that are being taken up
	busy   atomic.Pointer[time.Time] // when they were last too many; nil: never
	since  time.Time                 // from when on entries have been due; zero where none are
}

// busyShare is how many contents for each processor make an intake busy: most
// of them wait for a sync, or for what their handlers ask of DNS.
const busyShare = 4

// calmMin is how long a busy intake counts as busy: in the middle of a burst
// there are moments in which its clients are the ones who work.
const calmMin = 100 * time.Millisecond

// begin counts a content, until end.
func (y *yield) begin() {
	if y.taking.Add(1) > int32(busyShare*runtime.GOMAXPROCS(0)) {
		now := time.Now()
		y.busy.Store(&now)
	}
}

func (y *yield) end() { y.taking.Add(-1) }

// hands is the load of a lane that may be worked on at now. due says whether
// there are entries that could be, and are not.
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

// doorman counts the messages on their way through an Intake.
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
