// Package incoming exports the hook mmgw_incoming: importing it makes a module
// an incoming handler.
package incoming

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/internal/abi"
)

var handler func(*sdk.Message) error

// Handle makes f the incoming handler. f runs once for each leg of a message, after its
// content has come and before the reply: for posts and the other addresses of a list
// (Message.Service), but not for -bounces and -confirm. Call Handle from init.
func Handle(f func(*sdk.Message) error) { handler = f }

//go:wasmexport mmgw_incoming
func run() int32 { return abi.Finish(handler(&sdk.Message{})) }
