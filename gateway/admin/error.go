package admin

import (
	"errors"

	"github.com/mmgw/mmgw/gateway"
)

// Exit codes of commands. Those from 64 on are those of sysexits.h.
const (
	ExitFindings    = 1  // the command worked, and found differences or faults
	ExitUsage       = 64 // the command line is wrong
	ExitData        = 65 // what was given is wrong: an address, a file, an id
	ExitUnavailable = 69 // something that is needed is not there
	ExitCantCreate  = 73 // the state directory cannot be used
	ExitTryLater    = 75 // it may work later
	ExitConfig      = 78 // the configuration is wrong
)

// Error is a failure together with the exit code of the command that it ends.
type Error struct {
	Exit int
	Text string // for the operator; one line
}

func (e *Error) Error() string { return e.Text }

// AsError returns the *Error in err's chain; of what else an operation may
// fail with it makes one: ExitData for a list, an address or a message that
// does not exist and for what is refused for good, ExitTryLater for all that
// may be our own fault.
func AsError(err error) *Error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	return &Error{exitCode(err), gateway.Printable(err.Error())}
}

func exitCode(err error) int {
	var status *gateway.Status
	var path *gateway.PathError
	switch {
	case errors.Is(err, gateway.ErrUnknownList), errors.Is(err, gateway.ErrNotSpooled), errors.As(err, &path):
		return ExitData
	case errors.As(err, &status) && status.Class() == gateway.Permanent:
		return ExitData
	}
	return ExitTryLater
}
