package sandbox

import (
	"errors"
	"strings"

	"github.com/tetratelabs/wazero/sys"

	"github.com/mmgw/mmgw/gateway"
)

// Fault says in which way a call did not end well.
type Fault int

// The faults. After all but Returned and Unavailable the instance is dropped.
const (
	Trapped     Fault = iota // an instruction or a host function that cannot be done
	OutOfFuel                // Spec.Fuel is spent
	TimedOut                 // Spec.Timeout has passed
	Exited                   // proc_exit
	Returned                 // a result other than 0
	Canceled                 // the caller gave up
	Unavailable              // no instance was to be had; the module did nothing wrong
)

// faultNames are the words, by number.
var faultNames = [...]string{"trap", "fuel", "timeout", "exit", "returned", "canceled", "unavailable"}

// String is the fault in a word, for metrics and logs.
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

// errStopped is what a host function leaves a module by. The reason is in the
// call.
var errStopped = errors.New("stopped by the host")

// trapReason is the first line of what wazero says, and the trace behind it.
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
