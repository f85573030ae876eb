// Command null is the built-in writer for sites that configure their MTA by
// hand: it writes no file, and tells what is to be done.
package main

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/writer"
)

func init() { writer.Handle(render) }

func main() {}

func render(inv *sdk.Inventory) error {
	target, err := writer.LMTP(inv)
	if err != nil {
		return err
	}
	place := "the Unix socket " + target.Socket
	if target.Host != "" {
		place = target.Address()
	}
	domains, err := writer.Domains(inv)
	if err != nil {
		return err
	}
	text := "Have the MTA hand all mail for these domains to " + place + " by LMTP:\n"
	for _, d := range domains {
		text += "  " + d.Name + "\n"
	}
	return writer.ByHand(inv, text+
		"Where it can ask there at RCPT (a callout, address verification), have it do so: recipients that\n"+
		"nobody knows get 550 then. An MTA that takes all mail of a domain sends bounces to forged senders.\n")
}
