// Package smtp is the client side of one connection: it sends messages by SMTP (RFC 5321)
// or LMTP (RFC 2033). It owns the protocol on the wire: what is written, in how many
// writes, which reply belongs to which command, and how long anything may take.
//
// It promises:
//
//   - Every recipient gets exactly one Status, whatever happens. A failure that is not
//     the remote host's reply about a recipient is Transient: a broken connection, a
//     refused login or a missing STARTTLS never bounces mail.
//   - MAIL, every RCPT and DATA go in one write if the server offers PIPELINING (RFC
//     2920), and never if it does not. The envelope of the next message then follows
//     the final dot of the one before: one round trip for each message, with one write
//     and often one read.
//   - No content is sent while two messages of the connection are not answered or not
//     settled, so that after a crash at most these are sent again.
//   - Only commands made from parsed addresses and content with CRLF line ends reach the
//     server. Content that breaks off or has a stray CR or LF never gets its final dot:
//     the connection is closed instead.
//   - A reply takes at most ReplyBytesMax of memory, and every wait has a deadline that
//     does not move when single octets arrive.
//   - If TLS is required and fails, the connection ends before any address or password
//     is sent.
//   - An LMTP server that breaks the rules in the way of GNU Mailman's does not keep the
//     client waiting: it gets one recipient in a transaction, for which it has one reply
//     to give. A fault of its own bounces nothing.
//
// If the server does not offer 8BITMIME (RFC 6152), content with octets above 127 is
// refused with 550 5.6.3: it might be mangled on the way, and converting it would break
// its signatures. If the server does not offer SMTPUTF8 (RFC 6531), addresses and headers
// that need it are refused with 550 5.6.7.
package smtp
