// Package outgoing exports the hook mmgw_outgoing: importing it makes a module
// an outgoing handler.
package outgoing

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/internal/abi"
)

var handler func(*sdk.Message) error

// Handle makes f the outgoing handler. f runs once for each post of each list, before the
// list is expanded: there are no recipients, and every copy has its edits. Call Handle from
// init.
func Handle(f func(*sdk.Message) error) { handler = f }

//go:wasmexport mmgw_outgoing
func run() int32 { return abi.Finish(handler(&sdk.Message{})) }
