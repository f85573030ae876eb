// Package writer exports the hook mmgw_mta_config: importing it makes a module
// one that [mta] incoming may name. It also has what most writers need.
package writer

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/internal/abi"
)

var handler func(*sdk.Inventory) error

// Handle makes f the configuration writer. f is a pure function: no clock, no
// random numbers, the same inventory gives the same files. The text of its
// error is told to the administrator, and nothing is replaced. Handle is
// called from init.
func Handle(f func(*sdk.Inventory) error) { handler = f }

//go:wasmexport mmgw_mta_config
func run() int32 { return abi.Finish(handler(&sdk.Inventory{})) }
