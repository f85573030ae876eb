// Command null is the built-in writer for sites that configure their MTA by
// hand: it writes nothing.
package main

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/writer"
)

func init() { writer.Handle(nothing) }

func main() {}

func nothing(*sdk.Inventory) error { return nil }
