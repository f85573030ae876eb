// Command from-rewrite is a built-in outgoing handler: where the author's
// domain asks receivers to reject or quarantine mail that it did not send
// itself (DMARC, RFC 9989), it puts the list into From, as the copies of a list
// are such mail. Replies still reach the author. Mail of other domains, and of
// the list's own, stays as it is.
//
// Settings: own (domains that are left alone as well, with what is below them:
// those whose mail may leave by the same servers as the list's).
package main

import "github.com/mmgw/mmgw/sdk/outgoing"

func init() { outgoing.Handle(rewrite) }

func main() {}
