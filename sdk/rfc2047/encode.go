// Package rfc2047 encodes and decodes encoded-words: text in header fields that is not ASCII
// (RFC 2047). It is small enough for modules, and never fails: text that cannot be decoded
// stays as it is.
package rfc2047

import (
	"strings"
	"unicode/utf8"
)

// WordBytesMax is the longest encoded-word (RFC 2047, section 2).
const WordBytesMax = 75

const (
	wordStart = "=?UTF-8?Q?"
	wordEnd   = "?="
	hexDigits = "0123456789ABCDEF"
)

// Encode returns text for an unstructured field such as Subject: unchanged if it is printable
// ASCII, otherwise as encoded-words.
func Encode(text string) string {
	if printable(text) && !strings.Contains(text, "=?") {
		return text
	}
	return Words(text)
}

// Phrase returns text as a phrase (RFC 5322, section 3.2.5), such as the name before an
// address in angle brackets: as atoms, a quoted-string, or encoded-words.
func Phrase(text string) string {
	switch {
	case text == "" || !printable(text) || strings.Contains(text, "=?"):
		return Words(text)
	case strings.Trim(text, atoms) == "":
		return text
	}
	return `"` + strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), `"`, `\"`) + `"`
}

// atoms are the characters of words that need no quotes.
const atoms = " ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~"

// Words returns text as encoded-words, with spaces between them that readers drop. It does
// not split a character, so that each word can be decoded by itself.
func Words(text string) string {
	var b strings.Builder
	room := 0
	for _, r := range text {
		var octets [utf8.UTFMax]byte
		char := quote(octets[:utf8.EncodeRune(octets[:], r)])
		if len(char) > room {
			if b.Len() > 0 {
				b.WriteString(wordEnd + " ")
			}
			b.WriteString(wordStart)
			room = WordBytesMax - len(wordStart) - len(wordEnd)
		}
		b.WriteString(char)
		room -= len(char)
	}
	if b.Len() > 0 {
		b.WriteString(wordEnd)
	}
	return b.String()
}

// quote is one character in the Q encoding, by the rules for a phrase, which are the
// strictest (RFC 2047, section 5 (3)).
func quote(char []byte) string {
	c := char[0]
	switch {
	case c == ' ' || c < ' ' || c == 0x7f:
		return "_"
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("!*+-/", c) >= 0:
		return string(char)
	}
	coded := make([]byte, 0, 3*len(char))
	for _, c := range char {
		coded = append(coded, '=', hexDigits[c>>4], hexDigits[c&15])
	}
	return string(coded)
}

func printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
