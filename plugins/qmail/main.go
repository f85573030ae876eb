// Command qmail is the built-in writer for qmail: [mta] incoming = "qmail". It
// renders fragments for qmail's own files, and a home folder for each domain
// with two instruction files a list:
//
//	virtualdomains   for control/virtualdomains
//	rcpthosts        for control/rcpthosts
//	assign           for users/assign
//	home/DOMAIN/.qmail-LIST
//	home/DOMAIN/.qmail-LIST-default
//
// Settings in [mta.configuration]: user ("mmgw"), uid and gid, its numbers:
// without them there is no assign; mmgw_command ("/usr/bin/mmgw"), the program
// that delivers.
package main

import "github.com/mmgw/mmgw/sdk/writer"

func init() { writer.Handle(render) }

func main() {}
