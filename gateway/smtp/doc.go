// Package smtp is one outgoing connection that speaks SMTP (RFC 5321) or LMTP
// (RFC 2033) as a client. It owns the wire: what is written, in how many
// writes, which reply belongs to which command, and how long anything may take.
//
// It promises:
//
//   - Every recipient gets exactly one Status, whatever happens.
//     Failures that are not the remote host's word about a recipient are
//     Transient: a broken connection, a refused login or a missing STARTTLS
//     never bounces mail.
//   - MAIL, every RCPT and DATA go in one write where the server offers
//     PIPELINING (RFC 2920), and never where it does not. The envelope of the next
//     message goes after the final dot of the one before: one round trip a
//     message, one write and often one read.
//   - No content goes out while two messages of the connection are not answered
//     or not settled, so that a crash makes no more than those go out again.
//   - Nothing reaches the server but commands made from parsed addresses and
//     content with CRLF line ends. Content that breaks off or has a stray CR
//     or LF never gets its final dot: the connection is closed instead.
//   - A reply takes at most ReplyBytesMax of memory, and everything that
//     waits has a deadline that single octets do not move.
//   - TLS that was asked for and cannot be had ends the connection before any
//     address or password is sent.
//   - A server of LMTP that breaks its rules as GNU Mailman's does keeps nobody
//     waiting: it gets one recipient a transaction, where it has one reply to
//     give, and bounces nothing by a fault of its own.
//
// Content with octets above 127 is refused with 550 5.6.3 where the server
// offers no 8BITMIME (RFC 6152): it might be mangled as it is, and converting it
// would break its signatures. Addresses and headers that need SMTPUTF8 (RFC 6531)
// are refused with 550 5.6.7 where that is not offered.
package smtp
