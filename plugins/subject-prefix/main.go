// Command subject-prefix is a built-in handler: it puts a list's prefix, say
// "[dev]", in front of the subject of posts that do not have it yet. It can be
// named in [incoming] or in [outgoing]; in both it works once.
//
// Settings: prefix, of the list's config or else of the plugin's; without
// either it is the list's name in brackets, and an empty one does nothing.
package main

import (
	"github.com/mmgw/mmgw/sdk/incoming"
	"github.com/mmgw/mmgw/sdk/outgoing"
)

func init() {
	incoming.Handle(tag)
	outgoing.Handle(tag)
}

func main() {}
