package entity

import (
	"strings"

	"github.com/mmgw/mmgw/gateway/internal/charset"
)

// Has says whether there is an entity of index i. Those within an entity that was
// replaced are gone.
func (m *Message) Has(i int) bool {
	if i < 0 || i >= len(m.Entities) {
		return false
	}
	for p := m.Entities[i].Parent; p >= 0; p = m.Entities[p].Parent {
		if _, gone := m.replaced[p]; gone {
			return false
		}
	}
	return true
}

// Encoded is the number of octets that Read has to decode: none if the entity consists
// of entities or was replaced.
func (m *Message) Encoded(i int) int {
	e := &m.Entities[i]
	if _, replaced := m.replaced[i]; replaced || e.container {
		return 0
	}
	return e.end - e.body
}

// Read returns the content of an entity without its transfer encoding, at most BodyMax
// octets. Text is converted to UTF-8, with its line ends as they are. A message within
// the message is returned as it is; a multipart has no content of its own.
func (m *Message) Read(i int) string {
	if r, ok := m.replaced[i]; ok {
		return r.text
	}
	e := &m.Entities[i]
	octets := m.text[e.body:e.end]
	switch {
	case e.container && e.boundary != "":
		return ""
	case e.container:
		return octets
	}
	switch e.encoding {
	case "base64":
		octets = fromBase64(octets)
	case "quoted-printable":
		octets = fromQuotedPrintable(octets)
	}
	if e.IsText() {
		return charset.ToUTF8(e.Charset, octets, BodyMax)
	}
	return octets
}

// fromBase64 decodes base64. It ignores characters outside of the alphabet (RFC 2045,
// section 6.8) and continues after padding, as mail programs do.
func fromBase64(s string) string {
	var b strings.Builder
	b.Grow(len(s) / 4 * 3)
	bits, held := uint32(0), 0
	for i := range len(s) {
		c := s[i]
		if c == '=' {
			bits, held = 0, 0
			continue
		}
		value := sextet(c)
		if value < 0 {
			continue
		}
		bits, held = bits<<6|uint32(value), held+6
		if held >= 8 {
			held -= 8
			b.WriteByte(byte(bits >> held))
		}
	}
	return b.String()
}

// sextet is the value of a letter of base64, or -1.
func sextet(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case '0' <= c && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}

// fromQuotedPrintable decodes quoted-printable (RFC 2045, section 6.7). It leaves a "="
// that begins no escape as it is.
func fromQuotedPrintable(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t':
			blank := len(s[i:]) - len(strings.TrimLeft(s[i:], " \t"))
			if next := i + blank; next < len(s) && s[next] != '\r' && s[next] != '\n' {
				b.WriteString(s[i:next])
			}
			i += blank
		case c == '=' && hexOctet(s[i+1:]) >= 0:
			b.WriteByte(byte(hexOctet(s[i+1:])))
			i += 3
		case c == '=' && softBreak(s[i+1:]) > 0:
			i += 1 + softBreak(s[i+1:])
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String()
}

// softBreak is the length of the line end at the start of s with the space before it, 0
// if there is none. It looks at some space only, so that it takes bounded time.
func softBreak(s string) int {
	const blankMax = 80
	rest := strings.TrimLeft(s[:min(len(s), blankMax)], " \t")
	blank := min(len(s), blankMax) - len(rest)
	switch {
	case strings.HasPrefix(s[blank:], "\r\n"):
		return blank + 2
	case strings.HasPrefix(s[blank:], "\n"):
		return blank + 1
	}
	return 0
}
