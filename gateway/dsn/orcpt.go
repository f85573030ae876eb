package dsn

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// orcptBytesMax is the longest ORCPT that RFC 3461, section 5.4, allows.
const orcptBytesMax = 500

// originalRecipient is the Original-Recipient field for an ORCPT parameter as it came:
// "rfc822;anne+2Btag@example.com" becomes "rfc822; anne+tag@example.com" (RFC 3461,
// section 4.2). It is "" without an ORCPT, or if the decoded text cannot be in a field.
func originalRecipient(orcpt string) string {
	kind, text, ok := strings.Cut(orcpt, ";")
	if !ok || kind == "" || len(orcpt) > orcptBytesMax || !isWord(kind) {
		return ""
	}
	if strings.EqualFold(kind, "utf-8") {
		text, ok = decodeUTF8Address(text)
	} else {
		text, ok = decodeXtext(text)
	}
	if !ok || text == "" || !isOneLine(text) {
		return ""
	}
	return kind + "; " + text
}

// isOneLine says whether decoded text is printable: xtext can hide line ends, and so
// whole fields, in a parameter that looks harmless.
func isOneLine(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0
}

// decodeXtext decodes xtext (RFC 3461, section 4): "+" and two hexadecimal digits.
func decodeXtext(s string) (string, bool) {
	var b strings.Builder
	for len(s) > 0 {
		if s[0] != '+' {
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		if len(s) < 3 {
			return "", false
		}
		c, err := strconv.ParseUint(s[1:3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(c))
		s = s[3:]
	}
	return b.String(), true
}

// decodeUTF8Address decodes utf-8-addr-xtext (RFC 6533, section 3): "\x{", a code point
// in hexadecimal digits and "}".
func decodeUTF8Address(s string) (string, bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, `\x{`)
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		digits, after, closed := strings.Cut(rest, "}")
		c, err := strconv.ParseUint(digits, 16, 32)
		if !closed || err != nil || c > unicode.MaxRune || !utf8.ValidRune(rune(c)) {
			return "", false
		}
		b.WriteRune(rune(c))
		s = after
	}
}
