package bounce

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/mmgw/mmgw/gateway/internal/charset"
)

// mediaType reads a Content-Type: the type in lower case, and the boundary
// parameter. It takes what strict readers refuse: parameters that are broken,
// quoted wrongly or given twice.
func mediaType(value string) (kind, boundary string) {
	kind, rest, _ := strings.Cut(value, ";")
	kind = strings.ToLower(firstWord(strings.ReplaceAll(kind, "\t", " ")))
	if !strings.HasPrefix(kind, "multipart/") {
		return kind, ""
	}
	return kind, parameterOf(rest, "boundary")
}

// parameterOf is the first parameter of a name that has a value.
func parameterOf(rest, name string) string {
	// Each turn takes up at least one octet of rest, so the loop ends with it.
	for rest != "" {
		var found, text string
		found, text, rest = parameter(rest)
		if text != "" && len(text) <= parameterBytes && strings.EqualFold(found, name) {
			return text
		}
	}
	return ""
}

// parameter reads the first parameter of s, and returns what stands behind it.
// Text that is no parameter yields an empty name.
func parameter(s string) (name, value, rest string) {
	end := strings.IndexAny(s, "=;")
	if end < 0 || s[end] == ';' {
		_, rest, _ = strings.Cut(s, ";")
		return "", "", rest
	}
	name, s = strings.TrimSpace(s[:end]), strings.TrimLeft(s[end+1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ";")
		return name, strings.TrimSpace(value), rest
	}
	value, rest = quoted(s[1:])
	_, rest, _ = strings.Cut(rest, ";")
	return name, strings.TrimRight(value, " \t"), rest
}

// quoted reads a quoted string behind its first quote. One without an end goes
// up to the end of s.
func quoted(s string) (text, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:]
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// readable is the body in UTF-8, of at most PartBytesMax as it stands.
func (p part) readable() string {
	_, rest, _ := strings.Cut(p.header.Get("Content-Type"), ";")
	return charset.ToUTF8(parameterOf(rest, "charset"), p.decoded(), 4*PartBytesMax)
}

// decoded is the body without its transfer encoding, at most PartBytesMax. What
// breaks the encoding stays as it is.
func (p part) decoded() string {
	body := p.body[:min(len(p.body), PartBytesMax)]
	switch strings.ToLower(p.header.Get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		return decodeQuotedPrintable(body)
	case "base64":
		return unixLines(decodeBase64(body))
	}
	return body
}

// decodeQuotedPrintable takes what RFC 2045, section 6.7, forbids, such as a lone
// "=": mail systems break lines wherever they like.
func decodeQuotedPrintable(body string) string {
	var b strings.Builder
	for {
		text, rest, found := strings.Cut(body, "=")
		b.WriteString(text)
		if !found {
			return b.String()
		}
		body = rest
		if line := strings.TrimLeft(rest, " \t"); strings.HasPrefix(line, "\n") {
			body = line[1:]
		} else if octet, err := hex.DecodeString(rest[:min(2, len(rest))]); err == nil && len(octet) == 1 {
			b.WriteByte(octet[0])
			body = rest[2:]
		} else {
			b.WriteByte('=')
		}
	}
}

// decodeBase64 drops what is not of the alphabet, as RFC 2045, section 6.8,
// wants, and ends where the text does.
func decodeBase64(body string) string {
	packed := strings.Map(func(c rune) rune {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '+', c == '/':
			return c
		}
		return -1
	}, body)
	if len(packed)%4 == 1 {
		packed = packed[:len(packed)-1]
	}
	text, _ := base64.RawStdEncoding.DecodeString(packed)
	return string(text)
}
