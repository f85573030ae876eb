// Command deliver is the built-in planner: [mta] outgoing = "deliver". It
// chooses between VERP, a copy and a reverse-path for every member, and
// transactions of many recipients, by GNU Mailman's rules.
//
// Settings, of the list's config or else of the plugin's: max_recipients (of one
// transaction; 0, the default, leaves it to [mta] max_recipients) and by_domain
// (false: recipients of different domains may share a transaction).
package main

import "github.com/mmgw/mmgw/sdk/plan"

func init() { plan.Handle(deliver) }

func main() {}
