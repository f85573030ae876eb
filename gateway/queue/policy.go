package queue

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// backOff is the time after the n-th attempt. The steps are short while a
// greylisting host or a restart is likely, and long for a host that is down;
// RFC 5321, section 4.5.4.1, asks for at least 30 minutes between the later ones.
var backOff = [...]time.Duration{
	1 * time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute,
	40 * time.Minute, 80 * time.Minute, 160 * time.Minute, RetryDelayMax,
}

// RetryDelayMax is the longest time between two attempts, jitter aside.
const RetryDelayMax = 4 * time.Hour

// jitterShare is the part of a delay that is left to chance, so that what
// failed together is not tried together.
const jitterShare = 0.25

// Policy says what follows from what remote hosts answered. The zero value is ready.
type Policy struct {
	Random func() float64 // in [0, 1); nil: math/rand/v2
}

// Next is when the attempt after the given number of finished ones is due:
// after a delay that grows to RetryDelayMax, of which up to a quarter is left
// off by chance, and at expires at the latest, so that the last attempt is
// made when the time is up. A zero expires is never.
func (p Policy) Next(attempts int, now, expires time.Time) time.Time {
	random := p.Random
	if random == nil {
		random = rand.Float64
	}
	delay := backOff[min(max(attempts-1, 0), len(backOff)-1)]
	due := now.Add(delay - time.Duration(random()*jitterShare*float64(delay)))
	if !expires.IsZero() && due.After(expires) && now.Before(expires) {
		return expires
	}
	return due
}

// Settle turns the statuses of one attempt into outcomes, parallel to them.
// Success and permanent failure settle a recipient; a transient failure does
// so from expires on, as 554 5.4.7. Nobody expires without an attempt at or
// after that time, so a clock that jumps forward gives up nothing untried. A
// nil status stays untried.
func (p Policy) Settle(statuses []*gateway.Status, now, expires time.Time) []gateway.Outcome {
	outcomes := make([]gateway.Outcome, len(statuses))
	for i, status := range statuses {
		switch {
		case status == nil:
		case status.Class() != gateway.Transient:
			outcomes[i] = gateway.Outcome{Status: status, Settled: true}
		case !expires.IsZero() && !now.Before(expires):
			outcomes[i] = gateway.Outcome{Status: expired(status), Settled: true}
		default:
			outcomes[i] = gateway.Outcome{Status: status}
		}
	}
	return outcomes
}

// expired is the permanent failure of a recipient whose last attempt gave last
// when its time was up (RFC 3463, X.4.7).
func expired(last *gateway.Status) *gateway.Status {
	return &gateway.Status{
		Code: 554, Enhanced: gateway.EnhancedCode{5, 4, 7},
		Text:  fmt.Sprintf("delivery time expired, last reply: %s", last.Reply()),
		Cause: last,
	}
}
