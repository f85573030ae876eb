// Package sdk is what modules for mmgw are written with in Go: handlers that
// judge and change mail, planners of deliveries, writers of MTA
// configurations. One source builds with TinyGo (some 20 kB) and with the
// standard compiler (some 2 MB), and natively for unit tests (sdk/sdktest).
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
// What a module can be used for follows from its exports, so each kind of
// handler has a package of its own, and importing it is what exports the hook:
//
//	sdk/recipient  at RCPT, envelope only           func(*sdk.Message, sdk.Recipient) error
//	sdk/incoming   before the reply, once a leg     func(*sdk.Message) error
//	sdk/outgoing   once a post and list             func(*sdk.Message) error
//	sdk/plan       once a batch of members          func(*sdk.Plan) error
//	sdk/result     after the remote host answered   func(*sdk.Result) error
//	sdk/writer     MTA configuration                func(*sdk.Inventory) error
//
// A handler that returns an error has failed: none of its edits apply, the
// error's text goes to the log, and on_error of the configuration decides.
// Refusing mail is no failure: it is a verdict (Message.Reject).
//
// Build a module with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o tag.wasm .
//
// or with TinyGo as plugins/internal/build does. To stay small a module does
// without fmt, encoding/json and reflection. What a package variable holds
// after OnInit is what every later call finds; what a call leaves in it may be
// gone in the next one.
//
// sdk/ABI.md is the contract below this package, for authors in any language.
package sdk
