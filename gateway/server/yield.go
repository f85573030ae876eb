package server

import (
	"context"
	"io"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// yieldMax is how long what is due may wait because the intake is busy: much
// longer than a burst of posts takes, and little beside the time that mail is
// on its way.
const yieldMax = time.Minute

// yield has deliveries give way while more contents are being taken up than
// there are processors. A client waits for each of those, and an MTA that waits
// keeps mail of everybody from us; what is spooled is safe and can wait. Each
// lane keeps one hand, and has all of them again once entries have been due for
// yieldMax without a break.
type yield struct {
	taking atomic.Int32 // contents that are being taken up
	since  time.Time    // from when on entries have been due; zero where none are
}

// hands is how many entries of a lane may be worked on at now. due says whether
// there are entries that could be, and are not.
func (y *yield) hands(now time.Time, due bool) int {
	switch {
	case !due:
		y.since = time.Time{}
	case y.since.IsZero():
		y.since = now
	}
	late := !y.since.IsZero() && now.Sub(y.since) >= yieldMax
	if y.busy() && !late {
		return 1
	}
	return handsMax
}

func (y *yield) busy() bool { return int(y.taking.Load()) > runtime.GOMAXPROCS(0) }

// doorman counts the messages on their way through an Intake.
type doorman struct {
	gateway.Intake
	line *line
}

// Message implements gateway.Intake.
func (d doorman) Message(ctx context.Context, client gateway.Client, envelope *gateway.Envelope, content io.Reader) []*gateway.Status {
	d.line.yield.taking.Add(1)
	defer d.leave()
	return d.Intake.Message(ctx, client, envelope, content)
}

// leave tells the line when deliveries need give way no longer.
func (d doorman) leave() {
	was := d.line.yield.busy()
	d.line.yield.taking.Add(-1)
	if was && !d.line.yield.busy() {
		d.line.add(nil)
	}
}
