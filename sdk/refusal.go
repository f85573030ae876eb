package sdk

import "github.com/mmgw/mmgw/sdk/wire"

// Refusal is the error of a call that mmgw did not carry out. Refusals are
// compared with ==.
type Refusal int32

// The refusals of ABI 1.
const (
	ErrNotFound     Refusal = wire.NotFound
	ErrBadArgument  Refusal = wire.BadArgument  // an index out of range, a line end in a value, an unknown key
	ErrNotPermitted Refusal = wire.NotPermitted // the configuration does not grant the capability
	ErrLimit        Refusal = wire.Limit        // too large, or too many
	ErrWrongPhase   Refusal = wire.WrongPhase   // not in this kind of handler
	ErrTemporary    Refusal = wire.Temporary    // later it may work
)

var refusals = [...]string{"not found", "bad argument", "not permitted", "limit exceeded", "not in this phase", "temporary failure"}

func (r Refusal) Error() string {
	if i := -int(r) - 1; i >= 0 && i < len(refusals) {
		return "mmgw: " + refusals[i]
	}
	return "mmgw: refused"
}

func check(result int32) error {
	if result < 0 {
		return Refusal(result)
	}
	return nil
}
