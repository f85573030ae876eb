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

// call is one call of a module, from its first instruction to its verdict. It is
// also the context that the module is called with, which is how host functions
// find it. An instance has one, and uses it for each of its calls.
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
	debt      int64  // units of host calls that are not taken yet, less than debtMax
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

// Value lets callOf find the call in contexts derived from it.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// callOf finds the call that a host function serves: it is the context itself, or
// a value of the context if wazero wrapped it.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.(*call); ok {
		return c
	}
	return ctx.Value(callKey{}).(*call)
}

// epoch is where the times of calls count from.
var epoch = time.Now()

// now is the time since epoch. It reads only the monotonic clock, where time.Now
// reads two: a small call notices the difference.
func now() time.Duration { return time.Since(epoch) }

// begin sets the call up for a hook that is about to run.
func (c *call) begin(ctx context.Context, p *Plugin, i *instance, h hook, x *gateway.Exchange) {
	if c.plugin != nil { // otherwise it is clear already, and clearing takes time
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

// limited is the context to call the module with. In ModeDeadline it is not the
// call itself, since wazero looks at it for a moment longer than the call lasts.
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

// checkTime stops a call that is past its time limit, or whose caller gave up.
func (c *call) checkTime() {
	if c.Context.Err() != nil || now() >= c.deadline {
		c.fault = c.late()
		panic(errStopped)
	}
}

// late is the error of a call that is past its time limit, or whose caller gave
// up: Canceled then, for which the module is not to blame.
func (c *call) late() *Error {
	cause := c.Context.Err()
	if end, ok := c.Context.Deadline(); cause == nil && ok && end.Sub(epoch) <= c.deadline {
		cause = context.DeadlineExceeded // the context's own timer is only a little later
	}
	if cause == nil {
		return c.failure(TimedOut, fmt.Sprintf("ran past its time limit of %s", c.deadline-c.start))
	}
	failed := c.failure(Canceled, "the caller gave up")
	failed.Cause = cause
	return failed
}

// fuelReason is the reason of OutOfFuel, with the limit, which can be configured.
func (c *call) fuelReason() string { return fmt.Sprintf("ran out of fuel (%d units)", c.fuel) }

// spend charges for work that the host is about to do. Small amounts are collected
// and taken together, or at the end of the call: taking units is work in itself.
func (c *call) spend(units int64) {
	if c.debt += units; c.debt >= debtMax {
		c.settle()
	}
}

// settle takes the units that are owed, and stops the call if they are not there.
func (c *call) settle() {
	units := c.debt
	c.debt = 0
	if c.instance.slice != nil && !c.instance.spend(units) {
		c.stop(OutOfFuel, c.fuelReason())
	}
}

// stop ends the call, from within a host function: wazero unwinds a panic.
func (c *call) stop(f Fault, reason string) {
	c.fault = c.failure(f, reason)
	panic(errStopped)
}

// failure is an error of this call.
func (c *call) failure(f Fault, reason string) *Error {
	return &Error{Plugin: c.plugin.spec.Name, Phase: c.hook.String(), Fault: f, Reason: reason}
}

// end frees what a call holds open, and returns what went wrong with it: wazero
// gave err, or the module returned result.
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

// refusals are the results of host functions in words: many modules return the
// result of a host function that refused.
var refusals = [...]string{
	-wire.NotFound: "not found", -wire.BadArgument: "bad argument", -wire.NotPermitted: "not permitted",
	-wire.Limit: "a limit is exceeded", -wire.WrongPhase: "not in this phase", -wire.Temporary: "temporary failure",
}

// returnedReason is the reason of Returned, with the text that the module gave to
// error(), if any.
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

// ended says why a module did not return. A reason that a host function noted
// comes first, then the time limit, then the fuel, and a trap last.
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

// memoryNote goes with the reason of a failure if the module had used most of its
// memory: few modules say that they ran out, and that is then the likely cause.
func (c *call) memoryNote() string {
	used, limit := c.instance.memoryBytes(), c.plugin.spec.MemoryBytes
	if used <= limit/4*3 || used <= c.instance.born {
		return ""
	}
	return fmt.Sprintf("; it used %d KiB of the %d KiB of memory that %s allows", used>>10, limit>>10, c.plugin.spec.key("memory"))
}

// account notes what the call has cost, once the module has returned.
func (c *call) account() {
	c.used = gateway.Usage{Time: now() - c.start, HostCalls: c.hostCalls}
	if c.instance.slice != nil {
		c.used.Fuel = min(max(c.fuel-c.instance.fuelLeft()+c.debt, 0), c.fuel)
	}
}
