// Package lookup answers the questions that an MTA has about addresses, out of
// the running gateway, in place of the files that package mta writes: there is
// no postmap and no reload, and a list that was made a moment ago counts.
//
// Tables says what is known of an address; Server speaks with the MTA. On one
// listener it tells by the first octet which of three ways of asking this is:
//
//	4:a b,          a netstring: Postfix's socketmap_table(5), and Sendmail's
//	                socket map. The answer is a netstring: "OK value",
//	                "NOTFOUND ", "TEMP reason" or "PERM reason".
//	get KEY LF      Postfix's tcp_table(5). The answer is "200 value",
//	                "500 reason" for not found, or "400 reason", and a LF.
//	TABLE KEY LF    one question, for ${readsocket} of Exim and for people. The
//	                answer is that of a netstring, and a LF; then the connection
//	                is closed.
//
// The tables, and the keys that find something in them:
//
//	transport    Postfix's transport_maps: an address of a list, with or
//	             without a detail; a forward domain, or an address in it
//	recipients   relay_recipient_maps: an address of a list, or one that the
//	             backend of its forward domain takes
//	domains      relay_domains: the domains of lists and forward domains
//	aliases      virtual_alias_maps: an address under the public domain of a
//	             list that has an alias domain; its detail stays
//	mailertable  Sendmail's mailertable: as domains, and public domains
//	access       Sendmail's access_db: To:ADDRESS and To:DOMAIN
//
// tcp_table(5) names no table: a list's address and a domain of domains are
// both found, and have the value of transport, which does for transport_maps,
// relay_recipient_maps and relay_domains.
//
// What is promised:
//
//   - "Not found" is only said of what certainly is not there; who cannot tell
//     says "try again", so that the MTA defers and bounces nothing.
//   - An answer leads nowhere but to the gateway, whatever the key holds.
//   - A question costs bounded time and memory; so do connections.
package lookup
