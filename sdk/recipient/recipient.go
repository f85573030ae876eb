// Package recipient exports the hook mmgw_rcpt: importing it makes a module a recipient
// handler, which judges recipients before the content comes.
package recipient

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/internal/abi"
)

var handler func(*sdk.Message, sdk.Recipient) error

// Handle makes f the recipient handler. f runs at RCPT, when envelope and list are known,
// but not header and body. Call Handle from init.
func Handle(f func(*sdk.Message, sdk.Recipient) error) { handler = f }

//go:wasmexport mmgw_rcpt
func run(i int32) int32 { return abi.Finish(handler(&sdk.Message{}, sdk.Recipient(i))) }
