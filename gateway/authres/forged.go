package authres

import (
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// IsForged says whether a field is an Authentication-Results field that claims to be
// authservID's. In an incoming message such a field must be deleted before anyone
// trusts it (RFC 8601, section 5). Case, comments, quotes, folding, a version and a
// final dot do not hide the claim. Since readers of such fields differ, the ID counts
// wherever it is a word before the first semicolon, and a field whose beginning cannot
// be parsed is taken for a claim. Fields of ARC sets are never forged in this sense.
func IsForged(field gateway.Field, authservID string) bool {
	if !field.Is(FieldName) {
		return false
	}
	words, ok := leadingWords(field.Value())
	if !ok {
		return true
	}
	id := fold(authservID)
	for _, word := range words {
		if fold(word) == id {
			return true
		}
	}
	return fold(strings.Join(words, "")) == id
}

// fold is the form in which ids are compared.
func fold(id string) string { return strings.ToLower(strings.TrimSuffix(id, ".")) }

// leadingWords are the words before the first semicolon. Quoted-strings lose their
// quotes and escapes, and comments separate words. ok is false if a comment or a
// quoted-string has no end, or there is a control character.
func leadingWords(s string) (words []string, ok bool) {
	for s != "" {
		switch c := s[0]; {
		case c == ';':
			return words, true
		case c == '(':
			if s, ok = skipComment(s); !ok {
				return nil, false
			}
		case c == '"':
			var word string
			if word, s, ok = cutQuoted(s); !ok {
				return nil, false
			}
			words = append(words, word)
		case isWord(c):
			n := 1
			for n < len(s) && isWord(s[n]) {
				n++
			}
			words, s = append(words, s[:n]), s[n:]
		case c < ' ' && c != '\t' || c == 0x7f:
			return nil, false
		default:
			s = s[1:]
		}
	}
	return words, true
}

// isWord says whether c is an octet of a token or of UTF-8.
func isWord(c byte) bool { return isToken(c) || c >= 0x80 }

// skipComment returns what follows the comment at the start of s, which may contain
// other comments.
func skipComment(s string) (rest string, ok bool) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return s[i+1:], true
			}
		}
	}
	return "", false
}

// cutQuoted returns the text of the quoted-string at the start of s, and what follows
// it.
func cutQuoted(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}
