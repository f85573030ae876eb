// Package verp makes the reverse-path of each copy of a post (variable envelope return
// paths), and reads it when a bounce comes back to it: which member of which list it was
// for, and which message. It owns the form of these addresses and the keys that sign
// them.
//
// A reverse-path is the list's -bounces address with a detail after the
// delimiter. The forms, for the list announce@lists.example.com:
//
//	signed   announce-bounces+MMMMMMMMMMTTTTTTTTTTTTTTTT+anne=example.com@lists.example.com
//	opaque   announce-bounces+MMMMMMMMMMOOOOOOOOOOOOOOOOTTTTTTTTTTTTTTTT@lists.example.com
//	shared   announce-bounces+TTTTTTTTTTTTTTTT+anne=example.com@lists.example.com
//	mailman  announce-bounces+anne=example.com@lists.example.com
//
// M is the queue ID of the message. T is the tag: 80 bits of HMAC-SHA256 over the form,
// the list's ID, the message, and the member in lower case. O is the token of a member:
// 80 bits of SHA-256 over the list's ID and the member in lower case, which a Directory
// turns back into the member. Tag and token are base32 in lower case. Case is ignored
// when a reverse-path is read, because remote hosts change it.
//
// The signed form is used if it fits. The opaque form is for members whose address would
// make the local part longer than the 64 octets of RFC 5321, or has anything but ASCII
// letters, digits and ". - _ + =": MTAs rewrite quotes, UTF-8, "%" and "!". The name of
// the list takes some of the room: if it has more than 13 octets the opaque form has no
// M; with more than 23 it is only a T, over list and member, and the Directory knows
// whose it is. With more than 39 there is no room for 80 bits, and the plain -bounces
// address is used, which identifies nobody.
//
// A shared reverse-path is for many copies, to which the upstream MTA adds the member by
// XVERP. Its tag covers only the list, so a recipient can replace the member by another.
// Bounces to the shared and mailman forms may be counted, but should never disable a
// member.
//
// GNU Mailman's form has no signature. If it is configured, it is used for members that
// Mailman itself can read back: those without "=" in their local part.
//
// The reverse-path of a probe looks like any other, but its tag is made over another
// label.
package verp
