// Package probe plays both neighbours of the gateway, to try it out: a client that hands
// it messages by LMTP (RFC 2033), a load generator on that client, and a sink that takes
// what it delivers by SMTP (RFC 5321). `mmgw
// send` and `mmgw sink` run them; tests use them as peers.
//
// It promises:
//
//   - The client returns the reply for each recipient, in the order of the
//     recipients, even for one that is named twice. It shares no code with
//     gateway/smtp, so that each shows what the other gets wrong.
//   - Only addresses that were parsed, and content with CRLF line ends and
//     stuffed dots, go on the wire. Everything that waits has a deadline, and
//     a reply takes a bounded amount of memory.
//   - The sink records a transaction before it answers 250, and only one that
//     it answers 250. It fails as its rules say, and in no other way.
package probe
