// Package writer exports the hook mmgw_mta_config: importing it makes a module a writer of
// MTA configurations, which [mta] incoming can name. It also has what most writers need.
package writer

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/internal/abi"
)

var handler func(*sdk.Inventory) error

// Handle makes f the configuration writer. f must be a pure function, without clock and
// random numbers: the same inventory gives the same files. If it returns an error, the
// administrator gets the text and no file is replaced. Call Handle from init.
func Handle(f func(*sdk.Inventory) error) { handler = f }

//go:wasmexport mmgw_mta_config
func run() int32 { return abi.Finish(handler(&sdk.Inventory{})) }
