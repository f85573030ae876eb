// Command spin is an example of a broken handler: it never ends where a
// message has a field X-Spin, or always where its setting always is true. It
// shows what mmgw makes of such a module: the call runs out of fuel, and
// on_error decides on the message.
package main

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/incoming"
)

func init() { incoming.Handle(handle) }

func main() {}

func handle(m *sdk.Message) error {
	if wanted(m) {
		spin()
	}
	return nil
}

func wanted(m *sdk.Message) bool {
	_, there := m.Header("X-Spin")
	return there || sdk.ConfigBool("always", false)
}

// turns keeps a compiler from finding out that the loop does nothing.
var turns uint32

func spin() {
	for {
		turns++
	}
}
