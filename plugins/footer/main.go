// Command footer is a built-in outgoing handler: it puts a list's footer under
// posts. It goes to the end of the first text/plain part and, where an HTML form
// of the same text lies beside it (multipart/alternative), into that as well.
// What is quoted or repeated at the end of a post counts as being there.
//
// A post stays as it is where it is signed or encrypted (S/MIME, PGP/MIME, PGP
// in the text), where it has no such part, and where its text is more than a MiB
// or in a charset that is not known for sure. The DKIM signature of its author
// does not survive a footer: sign lists' mail.
//
// Settings: footer, of the list's config or else of the plugin's; without either
// it is the list's address and that by which members leave, and an empty one
// does nothing.
package main

import "github.com/mmgw/mmgw/sdk/outgoing"

func init() { outgoing.Handle(decorate) }

func main() {}
