package sandbox

import (
	"errors"
	"strings"

	"github.com/tetratelabs/wazero/sys"

	"github.com/mmgw/mmgw/gateway"
)

// Fault says how a call failed.
type Fault int

// The faults. After all but Returned and Unavailable the instance is dropped.
const (
	Trapped     Fault = iota // an instruction trapped, or a host function was misused
	OutOfFuel                // Spec.Fuel is spent
	TimedOut                 // Spec.Timeout has passed
	Exited                   // the module called proc_exit
	Returned                 // a result other than 0
	Canceled                 // the caller gave up
	Unavailable              // there was no instance in time; the module did nothing wrong
)

// faultNames are the names of the faults, by number.
var faultNames = [...]string{"trap", "fuel", "timeout", "exit", "returned", "canceled", "unavailable"}

// String is the fault as one word, for metrics and logs.
func (f Fault) String() string { return faultNames[f] }

// Error is a call that failed. Its text is one printable line, fit for a log.
type Error struct {
	Plugin string
	Phase  string // incoming, outgoing, plan, ...
	Fault  Fault
	Reason string // in words
	Trace  string // the functions of the module that were running, "" if unknown
	Cause  error  // of Canceled and Unavailable
}

// Error names the plugin and the phase, and says the reason in words.
func (e *Error) Error() string { return "plugin " + e.Plugin + ": " + e.Phase + ": " + e.Reason }

// Unwrap returns the Cause.
func (e *Error) Unwrap() error { return e.Cause }

// errStopped is the panic by which a host function ends a call. The reason is in
// call.fault.
var errStopped = errors.New("stopped by the host")

// trapReason splits an error of wazero into its first line and the trace.
func trapReason(err error) (reason, trace string) {
	if exit, ok := errors.AsType[*sys.ExitError](err); ok {
		return "the instance was closed: " + exit.Error(), ""
	}
	reason, trace, _ = strings.Cut(err.Error(), "\n")
	reason = strings.TrimPrefix(reason, "wasm error: ")
	reason = strings.TrimSuffix(reason, " (recovered by wazero)")
	trace = strings.TrimSpace(strings.TrimPrefix(trace, "wasm stack trace:"))
	return "trap: " + gateway.Printable(reason), trace
}
