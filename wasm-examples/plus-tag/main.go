// Command plus-tag is an example of an incoming handler in Go that changes
// recipients: mail to anne+bugs@example.com goes where the tag "bugs" says.
//
// Settings: tags, a table of tags and addresses; and strip, true to deliver
// mail with another tag to the address without it. Tags are of letters, digits,
// "-" and "_", and their case does not count.
//
//	[plugins.plus-tag]
//	capabilities = ["recipients"]   # and "relay", to send mail anywhere
//	[plugins.plus-tag.config]
//	strip = true
//	tags = { bugs = "tracker@lists.example.com" }
package main

import (
	"strings"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/incoming"
)

func init() { incoming.Handle(route) }

func main() {}

func route(m *sdk.Message) error {
	for r := range m.Recipients {
		if err := redirect(r); err != nil {
			return err
		}
	}
	return nil
}

func redirect(r sdk.Recipient) error {
	bare, tag := split(r.Address())
	if tag == "" {
		return nil
	}
	if address, ok := sdk.Config("tags." + tag); ok {
		return r.Redirect(address)
	}
	if strip, _ := sdk.Config("strip"); strip == "true" {
		return r.Redirect(bare)
	}
	return nil
}

// split takes the tag out of an address. It is "" where there is none, or none
// that can be a key of the configuration.
func split(address string) (bare, tag string) {
	at := strings.LastIndexByte(address, '@')
	plus := strings.IndexByte(address[:max(at, 0)], '+')
	if plus < 1 {
		return address, ""
	}
	tag = strings.ToLower(address[plus+1 : at])
	if strings.Trim(tag, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return address, ""
	}
	return address[:plus] + address[at:], tag
}
