// Package recipient exports the hook mmgw_rcpt: importing it lets a module
// judge recipients before there is a content.
package recipient

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/internal/abi"
)

var handler func(*sdk.Message, sdk.Recipient) error

// Handle makes f the recipient handler. f runs at RCPT: envelope and list are
// known, header and body are not. Handle is called from init.
func Handle(f func(*sdk.Message, sdk.Recipient) error) { handler = f }

//go:wasmexport mmgw_rcpt
func run(i int32) int32 { return abi.Finish(handler(&sdk.Message{}, sdk.Recipient(i))) }
