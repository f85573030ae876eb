package rfc2047

import (
	"strings"
	"unicode/utf8"
)

// Decode returns value with its encoded-words decoded. It knows the charsets UTF-8,
// US-ASCII, ISO-8859-1 and Windows-1252; characters of others become U+FFFD unless they are
// ASCII. Anything that is not a well-formed encoded-word stays as it is.
func Decode(value string) string {
	var b strings.Builder
	gap := "" // white space after an encoded-word, which is dropped before another
	for value != "" {
		text, rest, ok := cutWord(value)
		if ok {
			b.WriteString(text)
			value = strings.TrimLeft(rest, " \t")
			gap = rest[:len(rest)-len(value)]
			continue
		}
		n := 1 + next(value[1:])
		b.WriteString(gap)
		b.WriteString(value[:n])
		gap, value = "", value[n:]
	}
	return b.String() + gap
}

// next is the index where the next encoded-word may begin.
func next(s string) int {
	if i := strings.Index(s, "=?"); i >= 0 {
		return i
	}
	return len(s)
}

// wordReadMax bounds an encoded-word that is read: some writers exceed
// WordBytesMax, and without a bound a value full of "=?" takes quadratic time.
const wordReadMax = 1000

// cutWord reads the encoded-word at the start of s.
func cutWord(s string) (text, rest string, ok bool) {
	whole := s
	s = s[:min(len(s), wordReadMax)]
	inner, ok := strings.CutPrefix(s, "=?")
	if !ok {
		return "", s, false
	}
	charset, inner, ok := strings.Cut(inner, "?")
	if !ok || len(inner) < 2 || inner[1] != '?' || strings.ContainsAny(charset, " \t") {
		return "", s, false
	}
	coded, rest, ok := strings.Cut(inner[2:], wordEnd)
	if !ok || strings.ContainsAny(coded, " \t") {
		return "", s, false
	}
	var octets []byte
	switch inner[0] {
	case 'Q', 'q':
		octets = unquote(coded)
	case 'B', 'b':
		octets, ok = base64(coded)
	default:
		ok = false
	}
	return characters(charset, octets), whole[len(s)-len(rest):], ok
}

func unquote(s string) []byte {
	octets := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '_':
			c = ' '
		case c == '=' && i+2 < len(s) && hexValue(s[i+1]) >= 0 && hexValue(s[i+2]) >= 0:
			c = byte(hexValue(s[i+1])<<4 | hexValue(s[i+2]))
			i += 2
		}
		octets = append(octets, c)
	}
	return octets
}

func hexValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func base64(s string) ([]byte, bool) {
	octets := make([]byte, 0, len(s)*3/4)
	bits, n := 0, 0
	for i := range len(s) {
		if s[i] == '=' {
			break
		}
		digit := strings.IndexByte(base64Digits, s[i])
		if digit < 0 {
			return nil, false
		}
		bits, n = (bits<<6|digit)&0xffff, n+6
		if n >= 8 {
			n -= 8
			octets = append(octets, byte(bits>>n))
		}
	}
	return octets, true
}

// characters turns octets of a charset into UTF-8.
func characters(charset string, octets []byte) string {
	charset, _, _ = strings.Cut(charset, "*") // a language, RFC 2231, section 5
	if sameName(charset, "utf-8") || sameName(charset, "utf8") {
		return string(octets)
	}
	latin := sameName(charset, "iso-8859-1") || sameName(charset, "windows-1252")
	var b strings.Builder
	for _, c := range octets {
		switch {
		case c < utf8.RuneSelf:
			b.WriteByte(c)
		case latin && c < 0xa0:
			b.WriteRune(windows1252[c-0x80])
		case latin:
			b.WriteRune(rune(c))
		default:
			b.WriteRune(utf8.RuneError)
		}
	}
	return b.String()
}

// windows1252 are the characters of 0x80 to 0x9F, which mail programs also call
// ISO-8859-1.
var windows1252 = [...]rune{
	'€', utf8.RuneError, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', utf8.RuneError, 'Ž', utf8.RuneError,
	utf8.RuneError, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', utf8.RuneError, 'ž', 'Ÿ',
}

// sameName compares ASCII names without regard to case; lower is in lower case.
func sameName(name, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
