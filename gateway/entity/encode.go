package entity

import (
	"encoding/base64"
	"mime/quotedprintable"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// Lengths of lines: RFC 5322, section 2.1.1, and RFC 2045, section 6.8.
const (
	lineMax       = 998
	base64LineMax = 76
)

// encode gives a text the transfer encoding that fits it best: none for lines of ASCII,
// quoted-printable if most of it is ASCII, and base64 otherwise. A text that would read
// as a delimiter of a multipart around it becomes base64, which has no hyphen.
func (m *Message) encode(i int, text string) (encoding, encoded string) {
	if m.collides(i, text) {
		return "base64", toBase64(text)
	}
	if gateway.IsASCII(text) && linesFit(text) {
		return "7bit", text
	}
	others := 0
	for i := range len(text) {
		if text[i] >= 0x80 {
			others++
		}
	}
	if others > len(text)/6 { // quoted-printable takes three octets for one, base64 four for three
		return "base64", toBase64(text)
	}
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	w.Write([]byte(text)) // a strings.Builder never fails
	w.Close()
	if m.collides(i, b.String()) {
		return "base64", toBase64(text)
	}
	return "quoted-printable", b.String()
}

// collides says whether a line of a text begins like a delimiter of a multipart around
// entity i.
func (m *Message) collides(i int, text string) bool {
	if !strings.Contains(text, "--") {
		return false
	}
	text = "\n" + text
	for p := m.Entities[i].Parent; p >= 0; p = m.Entities[p].Parent {
		around := &m.Entities[p]
		if around.container && around.boundary != "" && strings.Contains(text, "\n--"+around.boundary) {
			return true
		}
	}
	return false
}

func linesFit(text string) bool {
	for line := range strings.Lines(text) {
		if len(strings.TrimRight(line, "\r\n")) > lineMax {
			return false
		}
	}
	return true
}

func toBase64(text string) string {
	packed := base64.StdEncoding.EncodeToString([]byte(text))
	var b strings.Builder
	b.Grow(len(packed) + len(packed)/base64LineMax*2 + 2)
	for len(packed) > base64LineMax {
		b.WriteString(packed[:base64LineMax] + "\r\n")
		packed = packed[base64LineMax:]
	}
	return b.String() + packed
}
