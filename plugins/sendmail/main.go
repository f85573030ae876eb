// Command sendmail is the built-in writer for Sendmail: [mta] incoming =
// "sendmail". It renders the text of two maps, a class file, and what
// sendmail.mc includes:
//
//	sendmail_mailertable   domains whose mail goes to mmgw
//	sendmail_access        addresses that are taken, and refusal of the others
//	sendmail_domains       domains that mail is relayed for
//	sendmail_features.m4   the maps, for the place before the MAILER lines
//	sendmail_mailer.m4     the mailer, for the end
//
// A detail needs no line of its own: Sendmail looks an address up without it as
// well.
package main

import "github.com/mmgw/mmgw/sdk/writer"

func init() { writer.Handle(render) }

func main() {}
