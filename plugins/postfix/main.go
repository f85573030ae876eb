// Command postfix is the built-in writer for Postfix: [mta] incoming =
// "postfix". It renders GNU Mailman's three tables, by the same names, keys
// and values:
//
//	postfix_lmtp     transport_maps and relay_recipient_maps
//	postfix_domains  relay_domains
//	postfix_vmap     virtual_alias_maps; only lists with an alias domain are in it
//	postfix_main.cf  the settings that name them, for main.cf
//
// Setting: transport_file_type in [mta.configuration], which is hash (the
// default), lmdb or texthash, all three the same text, regexp ("regex"), or
// socketmap: then there are no tables, Postfix asks the server of [lookup]
// listen, by the names transport, recipients, domains and aliases.
package main

import "github.com/mmgw/mmgw/sdk/writer"

func init() { writer.Handle(render) }

func main() {}
