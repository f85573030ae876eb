package gateway

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// printableBytesMax bounds a text from outside in logs and replies.
const printableBytesMax = 480

// Printable returns s fit for one line of a log, a reply or a terminal:
// control characters, line ends and invalid UTF-8 become "?", and what is
// longer than 480 octets is cut. Texts from mail, peers and modules pass
// through it before a person or a protocol sees them.
func Printable(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			r = '?'
		}
		if b.Len()+utf8.RuneLen(r) > printableBytesMax {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// IsASCII says whether a text has no octet above 127: what 7bit and hosts without
// SMTPUTF8 take.
func IsASCII[T ~string | ~[]byte](text T) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= printableBytesMax
}
