package pipeline

import (
	"net/netip"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// clientTextBytesMax bounds a name that a Received field tells, as XFORWARD
// bounds its own.
const clientTextBytesMax = 255

// withClient adds to client what the n-th Received field from the top, the
// first being 1, says of where the message came from. What XFORWARD said comes
// first. The site vouches for the MTA that wrote this field, and for no other.
func withClient(client gateway.Client, header gateway.Header, n int) gateway.Client {
	if n < 1 || client.Addr.IsValid() || client.Name != "" || client.Helo != "" {
		return client
	}
	for i := header.Find("Received", 0); i >= 0; i = header.Find("Received", i+1) {
		if n--; n == 0 {
			from := clientOf(header[i].Value())
			client.Addr, client.Name, client.Helo = from.Addr, from.Name, from.Helo
			break
		}
	}
	return client
}

// clientOf reads the beginning of a Received field as MTAs write it. The
// address comes from what they saw of the connection, never from what the
// client said in HELO, which may look like one:
//
//	from HELO (NAME [ADDR])                  Postfix, Sendmail, OpenSMTPD
//	from NAME ([ADDR]:PORT helo=HELO)        Exim
//	from [ADDR] (helo=HELO)                  Exim, where ADDR has no name
//	from NAME (HELO HELO) (ADDR)             qmail
//
// A field of another form, or of mail that came from the machine itself, tells
// nothing.
func clientOf(field string) gateway.Client {
	rest, ok := strings.CutPrefix(strings.Join(strings.Fields(field), " "), "from ")
	if !ok {
		return gateway.Client{}
	}
	first, rest, _ := strings.Cut(rest, " ")
	seen, rest := cutComment(rest)
	if helo, ok := strings.CutPrefix(seen, "HELO "); ok { // qmail's
		seen, _ = cutComment(rest)
		return client(seen, first, helo)
	}
	seen, helo, _ := strings.Cut(" "+seen, " helo=") // Exim's
	helo, _, _ = strings.Cut(helo, " ")
	switch seen = strings.TrimSpace(seen); {
	case strings.HasPrefix(seen, "["):
		return client(addressLiteral(seen), first, helo)
	case seen == "", strings.HasPrefix(seen, "port="):
		return client(addressLiteral(first), "", helo)
	}
	seen, _, _ = strings.Cut(seen, " (") // may be forged
	name, _, _ := strings.Cut(seen, " ")
	return client(addressLiteral(seen), name, first)
}

// client is one whose address can be read; the rest is worth nothing without it.
func client(addr, name, helo string) gateway.Client {
	if len(addr) > len("IPv6:") && strings.EqualFold(addr[:len("IPv6:")], "IPv6:") {
		addr = addr[len("IPv6:"):]
	}
	a, err := netip.ParseAddr(addr)
	if err != nil || a.Zone() != "" {
		return gateway.Client{}
	}
	if strings.HasPrefix(name, "[") || strings.EqualFold(name, "unknown") {
		name = ""
	}
	return gateway.Client{Addr: a.Unmap(), Name: clientText(name), Helo: clientText(helo)}
}

// clientText drops what is not a name of a host, or too long to be one.
func clientText(s string) string {
	if len(s) > clientTextBytesMax || gateway.Printable(s) != s {
		return ""
	}
	return s
}

// addressLiteral is what stands in the last brackets of s. Those before them
// may be of the client's making: Sendmail shows what an ident server answered.
func addressLiteral(s string) string {
	open := strings.LastIndexByte(s, '[')
	if open < 0 {
		return ""
	}
	literal, _, ok := strings.Cut(s[open+1:], "]")
	if !ok {
		return ""
	}
	return literal
}

// cutComment takes a comment (RFC 5322, section 3.2.2) off the beginning of s
// and returns what it says; "" where s does not begin with a whole one.
func cutComment(s string) (comment, rest string) {
	s = strings.TrimLeft(s, " ")
	depth := 0
	for i := range len(s) {
		switch {
		case s[i] == '(':
			depth++
		case s[i] == ')':
			depth--
		}
		if depth == 0 && i > 0 {
			return s[1:i], s[i+1:]
		}
		if depth == 0 {
			break
		}
	}
	return "", s
}
