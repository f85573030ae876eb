// Package verp makes the reverse-path that one copy of a post leaves under,
// and reads it again when a bounce comes back to it: which member, of which
// message (variable envelope return paths). It owns the form of these
// addresses and the keys that sign them.
//
// A reverse-path is the list's -bounces address with a detail behind the
// delimiter. The forms, for the list announce@lists.example.com:
//
//	signed   announce-bounces+MMMMMMMMMMTTTTTTTTTTTTTTTT+anne=example.com@lists.example.com
//	opaque   announce-bounces+MMMMMMMMMMOOOOOOOOOOOOOOOOTTTTTTTTTTTTTTTT@lists.example.com
//	shared   announce-bounces+MMMMMMMMMMTTTTTTTTTTTTTTTT@lists.example.com
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
// "%" and "!", which MTAs rewrite. Where a list's own name leaves no room (more
// than 13 octets), the opaque form goes without M; where it still does not fit
// (more than 23 octets), the plain -bounces address is used and says nothing.
//
// A shared reverse-path is one for many copies. The upstream MTA adds the
// member by XVERP, in the signed form's place; the tag cannot cover the member
// then, so whoever got such a copy can name another. Bounces to shared
// and mailman forms may be counted, and should never disable a member.
//
// GNU Mailman's form has no signature. It is used, where asked for, for members
// that Mailman itself reads back: those without "=" in their local part.
package verp
