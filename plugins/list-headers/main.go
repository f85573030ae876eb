// Command list-headers is a built-in outgoing handler: it gives posts the
// fields by which mail programs recognise a list (RFC 2369 and RFC 2919), in
// place of any that came from outside. It takes out what members shall not see:
// requests for receipts, which tell an author who they are, Bcc and Approved.
//
// Settings: sender (false; true sets Sender to the list's -bounces address), reply_to
// ("list" has replies go to the list too; else they go to whom the post names). Of a
// list's config: reply_to, which then counts; archive, the address of its archive on the
// web.
package main

import "github.com/mmgw/mmgw/sdk/outgoing"

func init() { outgoing.Handle(decorate) }

func main() {}
