// Command tag-go puts "[wasm] " in front of the subject: the figures of
// gateway/sandbox. It is built with TinyGo, without its collector, and by the
// benchmarks with the standard compiler too.
//
//mmgw:gc leaking
package main

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/incoming"
)

func init() { incoming.Handle(tag) }

func main() {}

func tag(m *sdk.Message) error {
	subject, ok := m.Header("Subject")
	if !ok {
		return nil
	}
	return m.SetHeader("Subject", "[wasm] "+subject)
}
