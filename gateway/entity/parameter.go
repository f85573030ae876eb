package entity

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/mmgw/mmgw/gateway/internal/charset"
)

// parameter is a parameter of a Content-Type or Content-Disposition, with its name in
// lower case.
type parameter struct{ name, value string }

// describe sets what the entity is from the fields of its header: type, encoding and
// disposition.
func (e *Entity) describe(fields [3]string, inDigest bool) {
	kind, ofType := parseValue(fields[0])
	disposition, ofDisposition := parseValue(fields[2])
	e.value, e.Type = fields[0], kind
	if !isMediaType(kind) {
		e.value, e.Type = "", "text/plain"
		if inDigest && fields[0] == "" {
			e.Type = "message/rfc822" // RFC 2046, section 5.1.5
		}
	}
	if strings.HasPrefix(e.Type, "multipart/") {
		e.boundary = plain(ofType, "boundary")
	}
	e.encoding, _ = parseValue(fields[1])
	e.Charset = clean(strings.ToLower(plain(ofType, "charset")))
	e.Disposition = clean(disposition)
	e.Filename = cmp.Or(decodedParameter(ofDisposition, "filename"), decodedParameter(ofType, "name"))
}

// isMediaType says whether a text has the form type/subtype.
func isMediaType(kind string) bool {
	main, sub, ok := strings.Cut(kind, "/")
	return ok && isToken(main) && isToken(sub)
}

// isToken says whether s is a token (RFC 2045, section 5.1).
func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune(`()<>@,;:\"/[]?=`, c)
	}) < 0
}

// parseValue reads a value such as `text/plain; charset=utf-8`: its first word in lower
// case, and its parameters as far as they can be recognised.
func parseValue(value string) (word string, parameters []parameter) {
	word, rest, _ := strings.Cut(value, ";")
	if end := strings.IndexAny(strings.TrimSpace(word), " \t("); end >= 0 {
		word = strings.TrimSpace(word)[:end]
	}
	for rest != "" && len(parameters) < parametersMax {
		var p parameter
		if p, rest = parseParameter(rest); p.name != "" {
			parameters = append(parameters, p)
		}
	}
	return strings.ToLower(strings.TrimSpace(word)), parameters
}

// parseParameter reads the first parameter of s, and returns what follows it. The name is
// "" for text that is not a parameter.
func parseParameter(s string) (p parameter, rest string) {
	end := strings.IndexAny(s, "=;")
	if end < 0 || s[end] == ';' {
		_, rest, _ = strings.Cut(s, ";")
		return p, rest
	}
	p.name, s = strings.ToLower(strings.TrimSpace(s[:end])), strings.TrimLeft(s[end+1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		p.value, rest, _ = strings.Cut(s, ";")
		p.value = strings.TrimSpace(p.value)
		return p, rest
	}
	p.value, rest = unquote(s[1:])
	_, rest, _ = strings.Cut(rest, ";")
	return p, rest
}

// unquote reads a quoted string after its first quote. One without an end takes the rest
// of s.
func unquote(s string) (text, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '"' {
			return b.String(), s[i+1:]
		}
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// plain is the value of the first parameter of a name, undecoded.
func plain(parameters []parameter, name string) string {
	i := slices.IndexFunc(parameters, func(p parameter) bool { return p.name == name })
	if i < 0 {
		return ""
	}
	return strings.TrimRight(parameters[i].value, " \t")
}

// decodedParameter is the decoded value of a parameter: from the extended form of RFC
// 2231 if there is one, and otherwise from encoded words, which most programs write
// although no standard allows it.
func decodedParameter(parameters []parameter, name string) string {
	if text, ok := extended(parameters, name); ok {
		return clean(text)
	}
	return clean(charset.Words(plain(parameters, name)))
}

// extended joins the segments of a parameter (RFC 2231, sections 3 and 4): name*, or
// name*0, name*1* and so on.
func extended(parameters []parameter, name string) (string, bool) {
	segments := map[int]parameter{}
	for _, p := range parameters {
		rest, ok := strings.CutPrefix(p.name, name+"*")
		number, _ := strings.CutSuffix(rest, "*")
		n, err := strconv.Atoi(number)
		if rest == "" {
			n, err = 0, nil
		}
		if _, twice := segments[n]; ok && err == nil && !twice {
			segments[n] = p
		}
	}
	var text strings.Builder
	from := ""
	for n := 0; ; n++ {
		p, ok := segments[n]
		if !ok {
			return charset.ToUTF8(from, text.String(), BodyMax), n > 0
		}
		value := p.value
		if strings.HasSuffix(p.name, "*") {
			if n == 0 {
				from, value = cutCharset(value)
			}
			value = unescape(value)
		}
		text.WriteString(value)
	}
}

// cutCharset splits charset'language'text.
func cutCharset(value string) (charset, text string) {
	charset, rest, ok := strings.Cut(value, "'")
	if _, text, both := strings.Cut(rest, "'"); ok && both {
		return charset, text
	}
	return "", value
}

// unescape decodes %XX, and leaves other text as it is.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if octet := hexOctet(s[i+1:]); octet >= 0 {
				b.WriteByte(byte(octet))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// hexOctet is the octet for the two hexadecimal digits at the start of s, or -1.
func hexOctet(s string) int {
	if len(s) < 2 {
		return -1
	}
	high, low := hexDigit(s[0]), hexDigit(s[1])
	if high < 0 || low < 0 {
		return -1
	}
	return high<<4 | low
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// clean replaces characters that have no place in a word or name. It shortens long names
// at the start: the end of a file name says what kind of file it is.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, s)
	for len(s) > filenameMax {
		s = strings.ToValidUTF8(s[len(s)-filenameMax:], "")
	}
	return s
}
