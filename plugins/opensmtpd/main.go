// Command opensmtpd is the built-in writer for OpenSMTPD: [mta] incoming =
// "opensmtpd". It renders two tables and what smtpd.conf includes:
//
//	opensmtpd_domains      domains whose mail is for mmgw
//	opensmtpd_recipients   addresses that are taken, @DOMAIN for a whole domain
//	opensmtpd.conf         tables, action and matches
//
// A detail needs no line of its own: OpenSMTPD compares addresses without it.
package main

import "github.com/mmgw/mmgw/sdk/writer"

func init() { writer.Handle(render) }

func main() {}
