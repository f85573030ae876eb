package sandbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// call is one call of a module, from its first instruction to its verdict. It
// is the context of the call at the same time, which is how host functions
// find it. An instance has one and uses it again.
type call struct {
	context.Context
	plugin   *Plugin
	instance *instance
	hook     hook
	exchange *gateway.Exchange // nil while loading and in writers
	start    time.Duration     // since epoch
	deadline time.Duration
	fuel     int64 // at the start

	used      gateway.Usage // once the module has come back
	hostCalls int64
	bytes     int64  // that host functions moved
	debt      int64  // units of host calls that are not taken yet, less than debtMax between them
	fault     *Error // why a host function left the module
	stopped   bool   // the brake was pulled
	errorText string // of error()

	header     headerState
	body       bodyState
	parts      partState
	recipients recipientState
	decision   decision
	plan       gateway.Plan
	writer     writerState
	log        logState
	asked      dnsState
	filter     *filter       // of a WASI program
	dice       *rand.ChaCha8 // of pure calls
}

// callKey is the key of the call among the values of a context.
type callKey struct{}

// Value makes the call known to host functions below a derived context.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// callOf finds the call that a host function belongs to: the context itself, or
// a value of it where wazero wrapped it.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.(*call); ok {
		return c
	}
	return ctx.Value(callKey{}).(*call)
}

// epoch is what calls tell their time by.
var epoch = time.Now()

// now is the time since epoch. It reads one clock, where time.Now reads two: that
// is a part of what a small call costs.
func now() time.Duration { return time.Since(epoch) }

// begin makes the call ready for a module that is about to run.
func (c *call) begin(ctx context.Context, p *Plugin, i *instance, h hook, x *gateway.Exchange) {
	if c.plugin != nil { // else it is as good as new, and clearing it takes time
		*c = call{}
	}
	start := now()
	c.Context, c.plugin, c.instance, c.hook, c.exchange = ctx, p, i, h, x
	c.start, c.deadline, c.fuel = start, start+p.spec.Timeout, p.spec.Fuel
	if h == hookInit {
		c.deadline, c.fuel = start+max(p.spec.Timeout, initTimeMin), max(p.spec.Fuel, initFuelMin)
	}
	if end, ok := ctx.Deadline(); ok {
		c.deadline = min(c.deadline, end.Sub(epoch))
	}
	if x != nil && h&hookMessage != 0 {
		c.header.draft = x.Draft
	}
	if x != nil && p.spec.Filter {
		c.filter = p.newFilter(x)
	}
}

// limited is the context to call the module in. In ModeDeadline wazero goes on
// looking at it for a moment after the call, so that it cannot be the call.
func (c *call) limited() (context.Context, context.CancelFunc) {
	if c.plugin.spec.Mode != ModeDeadline {
		return c, func() {}
	}
	return context.WithDeadline(context.WithValue(c.Context, callKey{}, c), epoch.Add(c.deadline))
}

// enter is what every host function does first.
func (c *call) enter() {
	c.hostCalls++
	c.spend(unitsPerCall)
	if c.hostCalls%deadlineEvery == 0 {
		c.checkTime()
	}
}

// checkTime stops a call that is past its limit, or that nobody waits for.
func (c *call) checkTime() {
	if c.Context.Err() != nil || now() >= c.deadline {
		c.fault = c.late()
		panic(errStopped)
	}
}

// late is the error of a call that is past its limit, or that nobody waits for.
// In the latter case the module is not to blame, but in the middle of its work.
func (c *call) late() *Error {
	cause := c.Context.Err()
	if end, ok := c.Context.Deadline(); cause == nil && ok && end.Sub(epoch) <= c.deadline {
		cause = context.DeadlineExceeded // the context has only not noticed yet
	}
	if cause == nil {
		return c.failure(TimedOut, fmt.Sprintf("ran past its time limit of %s", c.deadline-c.start))
	}
	failed := c.failure(Canceled, "the caller gave up")
	failed.Cause = cause
	return failed
}

// fuelReason is what OutOfFuel says. It names the limit, which is a setting.
func (c *call) fuelReason() string { return fmt.Sprintf("ran out of fuel (%d units)", c.fuel) }

// spend charges for work that the host does. What is much is taken before it is
// done, small change when enough of it has come together, and at the end of the
// call: taking it is as much work as it stands for.
func (c *call) spend(units int64) {
	if c.debt += units; c.debt >= debtMax {
		c.settle()
	}
}

// settle takes what host calls have cost since it was last taken.
func (c *call) settle() {
	units := c.debt
	c.debt = 0
	if c.instance.slice != nil && !c.instance.spend(units) {
		c.stop(OutOfFuel, c.fuelReason())
	}
}

// stop leaves the module. A panic is how a wazero host function does that.
func (c *call) stop(f Fault, reason string) {
	c.fault = c.failure(f, reason)
	panic(errStopped)
}

// failure is an error of this call.
func (c *call) failure(f Fault, reason string) *Error {
	return &Error{Plugin: c.plugin.spec.Name, Phase: c.hook.String(), Fault: f, Reason: reason}
}

// end returns what became of a call of which wazero said err and which
// returned result, and frees what the call holds open.
func (c *call) end(err error, result uint64) *Error {
	if c.body.reader != nil {
		c.body.reader.Close()
	}
	c.log.flush(c)
	switch {
	case c.filter != nil:
		return c.endFilter(err)
	case err != nil:
		return c.ended(err)
	case c.hook == hookWriter && uint32(result) == 0 && c.writer.open:
		return c.failure(Returned, "returned 0 while the file "+gateway.Printable(c.writer.file.Path)+" was open")
	case uint32(result) == 0:
		return nil
	}
	return c.failure(Returned, c.returnedReason(int32(result)))
}

// refusals are the results of host functions in words. Many a module returns
// that of a call which was refused.
var refusals = [...]string{
	-wire.NotFound: "not found", -wire.BadArgument: "bad argument", -wire.NotPermitted: "not permitted",
	-wire.Limit: "a limit is exceeded", -wire.WrongPhase: "not in this phase", -wire.Temporary: "temporary failure",
}

// returnedReason is what Returned says, with the module's own words if it has any.
func (c *call) returnedReason(result int32) string {
	reason := fmt.Sprintf("returned %d", result)
	if result < 0 && result > -int32(len(refusals)) {
		reason += " (" + refusals[-result] + ")"
	}
	if c.errorText != "" {
		reason += ": " + c.errorText
	}
	return reason
}

// ended says why a call did not come back: what a host function noted comes
// first, then the meter, then the clock of wazero, and a trap last.
func (c *call) ended(err error) *Error {
	if c.fault != nil {
		_, c.fault.Trace = trapReason(err)
		return c.fault
	}
	closed := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) // by wazero, in ModeDeadline
	switch outOfFuel := c.instance.outOfFuel(); {
	case outOfFuel && c.stopped, closed:
		return c.late()
	case outOfFuel:
		return c.failure(OutOfFuel, c.fuelReason())
	}
	reason, trace := trapReason(err)
	failed := c.failure(Trapped, reason)
	failed.Trace = trace
	return failed
}

// memoryNote is for the reason of a failure: few modules say that they lack
// memory, and those that take all they get most likely do.
func (c *call) memoryNote() string {
	used, limit := c.instance.memoryBytes(), c.plugin.spec.MemoryBytes
	if used <= limit/4*3 || used <= c.instance.born {
		return ""
	}
	return fmt.Sprintf("; it had %d KiB of the memory that %s allows, %d KiB", used>>10, c.plugin.spec.key("memory"), limit>>10)
}

// account notes what the call cost, of which the module has come back.
func (c *call) account() {
	c.used = gateway.Usage{Time: now() - c.start, HostCalls: c.hostCalls}
	if c.instance.slice != nil {
		c.used.Fuel = min(max(c.fuel-c.instance.fuelLeft()+c.debt, 0), c.fuel)
	}
}
