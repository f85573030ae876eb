// Package plan exports the hook mmgw_plan: importing it makes a module a planner, which
// [mta] outgoing can name.
package plan

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/internal/abi"
)

var handler func(*sdk.Plan) error

// Handle makes f the planner. f runs once for each batch of at most 1,000 recipients, and
// not again when a delivery is retried. Call Handle from init.
func Handle(f func(*sdk.Plan) error) { handler = f }

//go:wasmexport mmgw_plan
func run() int32 { return abi.Finish(handler(&sdk.Plan{})) }
