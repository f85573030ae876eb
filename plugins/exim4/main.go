// Command exim4 is the built-in writer for Exim 4: [mta] incoming = "exim4".
// It renders a folder for each list, whose existence makes Exim accept the
// list's addresses, and the snippets for Debian's /etc/exim4/conf.d:
//
//	lists/LIST.DOMAIN/mmgw
//	conf.d/main/25_mmgw_macros
//	conf.d/router/175_mmgw
//	conf.d/router/176_mmgw_unknown
//	conf.d/transport/55_mmgw
//
// The routers stand in front of 200_primary, whose DNS lookup would take the
// lists' mail away.
package main

import "github.com/mmgw/mmgw/sdk/writer"

func init() { writer.Handle(render) }

func main() {}
