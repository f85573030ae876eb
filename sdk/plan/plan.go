// Package plan exports the hook mmgw_plan: importing it makes a module one
// that [mta] outgoing may name.
package plan

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/internal/abi"
)

var handler func(*sdk.Plan) error

// Handle makes f the planner. f runs once for each batch of at most 1,000
// recipients; it does not run again when a delivery is tried again. Handle is
// called from init.
func Handle(f func(*sdk.Plan) error) { handler = f }

//go:wasmexport mmgw_plan
func run() int32 { return abi.Finish(handler(&sdk.Plan{})) }
