// Package verp makes the reverse-path that one copy of a post leaves under,
// and reads it again when a bounce comes back to it: which member, of which
// message (variable envelope return paths). It owns the form of these
// addresses and the keys that sign them.
//
// A reverse-path is the list's -bounces address with a detail after the
// delimiter. The forms, for the list announce@lists.example.com:
//
//	signed   announce-bounces+MMMMMMMMMMTTTTTTTTTTTTTTTT+anne=example.com@lists.example.com
//	opaque   announce-bounces+MMMMMMMMMMOOOOOOOOOOOOOOOOTTTTTTTTTTTTTTTT@lists.example.com
//	shared   announce-bounces+TTTTTTTTTTTTTTTT+anne=example.com@lists.example.com
//	mailman  announce-bounces+anne=example.com@lists.example.com
//
// M is the queue id of the message. T is the tag: 80 bits of HMAC-SHA256 over
// the form, the list's id, the message, and the member in lower case. O is the
// token of a member: 80 bits of SHA-256 over list id and member in lower case,
// which a Directory turns back into the member. Tag and token are base32 in
// lower case. Everything is read without regard to case, because remote hosts
// fold it.
//
// What fits goes by the signed form. The opaque one is for members whose
// address would make the local part longer than the 64 octets of RFC 5321, or
// has anything but ASCII letters, digits and ". - _ + =": quotes, UTF-8,
// "%" and "!", which MTAs rewrite. The name of a list takes from its room: with
// more than 13 octets the opaque form goes without M, with more than 23 it is
// T alone, over list and member, and the Directory knows whose. A name of more
// than 39 octets leaves no room for 80 bits: the plain -bounces address is used
// and says nothing.
//
// A shared reverse-path is one for many copies. The upstream MTA adds the
// member by XVERP. The tag covers the list alone, so that there is room for
// members; whoever got a copy can name another. Bounces to the shared and
// mailman forms may be counted, and should never disable a member.
//
// GNU Mailman's form has no signature. It is used, where asked for, for members
// that Mailman itself reads back: those without "=" in their local part.
//
// A probe's reverse-path differs in what its tag was made over, and in nothing
// that can be seen.
package verp
