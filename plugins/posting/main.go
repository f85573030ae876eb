// Command posting is the built-in handler that decides who may post to a list:
// [incoming] policy names it, and a site's own module can take its place. It
// goes by the list's key posting, and holds for the moderators what may not be
// posted: nothing is bounced to a sender who may be forged.
package main

import "github.com/mmgw/mmgw/sdk/incoming"

func init() { incoming.Handle(decide) }

func main() {}
