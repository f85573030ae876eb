// Package result exports the hook mmgw_result: importing it makes a module a result
// handler, which learns what remote hosts answered.
package result

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/internal/abi"
)

var handler func(*sdk.Result) error

// Handle makes f the result handler. f cannot change anything, and may get a result twice.
// Call Handle from init.
func Handle(f func(*sdk.Result) error) { handler = f }

//go:wasmexport mmgw_result
func run(i int32) int32 { return abi.Finish(handler(&sdk.Result{Recipient: sdk.Recipient(i)})) }
