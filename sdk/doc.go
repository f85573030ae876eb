// Package sdk is for writing mmgw modules in Go: handlers that judge and change mail,
// planners of deliveries, and writers of MTA configurations. The same source builds
// with TinyGo (some 20 kB) and with the standard compiler (some 2 MB), and natively
// for unit tests (sdk/sdktest).
//
// A module is a package main that registers its handlers in init and has an
// empty main:
//
//	package main
//
//	import (
//		"github.com/mmgw/mmgw/sdk"
//		"github.com/mmgw/mmgw/sdk/incoming"
//	)
//
//	func init() { incoming.Handle(refuseEmpty) }
//
//	func main() {}
//
//	func refuseEmpty(m *sdk.Message) error {
//		if m.BodySize() == 0 {
//			return m.Reject(550, "5.6.0", "an empty message is no post")
//		}
//		return nil
//	}
//
// A module's exports decide what it can be used for. So each kind of handler has a
// package, and importing that package exports the hook:
//
//	sdk/recipient  at RCPT, envelope only           func(*sdk.Message, sdk.Recipient) error
//	sdk/incoming   before the reply, for each leg   func(*sdk.Message) error
//	sdk/outgoing   for each post of each list       func(*sdk.Message) error
//	sdk/plan       for each batch of members        func(*sdk.Plan) error
//	sdk/result     after the remote host answered   func(*sdk.Result) error
//	sdk/writer     MTA configuration                func(*sdk.Inventory) error
//
// A handler that returns an error has failed: none of its edits apply, the text of the
// error goes to the log, and the setting on_error decides what happens to the message.
// Refusing mail is not a failure but a verdict (Message.Reject).
//
// Build a module with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o tag.wasm .
//
// or with TinyGo as plugins/internal/build does. Without fmt, encoding/json and
// reflection a module stays small. Every call finds package variables as OnInit has left
// them: what a call changes in them may be gone in the next.
//
// sdk/ABI.md is the contract that this package is built on, for modules in any language.
package sdk
