package entity

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/mmgw/mmgw/gateway"
)

// replacement is the new text of an entity.
type replacement struct {
	text    string // with CRLF line ends
	fields  Fields
	encoded string
}

// Fields are the new fields of an entity that was replaced. The other fields of its
// header stay.
type Fields struct {
	Type, Encoding  string // values of Content-Type and Content-Transfer-Encoding
	KeepDisposition bool   // Content-Disposition stays too: the entity was text before
}

// Errors of Replace.
var (
	ErrNotText  = errors.New("the text is not UTF-8, or has a NUL")
	ErrTooLarge = errors.New("the body would become too large")
)

// Replace replaces an entity, with all entities in it, by a text. An entity that is text
// keeps its type and parameters; any other becomes text/plain. For entity 0 the caller
// must set the fields, since the header of the message is not in the body. The error is
// ErrNotText or ErrTooLarge.
func (m *Message) Replace(i int, text string) (Fields, error) {
	if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
		return Fields{}, ErrNotText
	}
	text = withCRLF(text)
	others := m.size - m.replaced[i].size()
	if others+len(text) > BodyMax { // no encoding makes it shorter
		return Fields{}, ErrTooLarge
	}
	encoding, encoded := m.encode(i, text)
	e := &m.Entities[i]
	r := replacement{text, Fields{typeOf(e, text), encoding, e.IsText()}, encoded}
	if others+r.size() > BodyMax {
		return Fields{}, ErrTooLarge
	}
	if m.replaced == nil {
		m.replaced = map[int]replacement{}
	}
	m.replaced[i], m.size = r, others+r.size()
	return r.fields, nil
}

// size is an upper bound of what a replacement adds to the body, in octets.
func (r replacement) size() int { return len(r.encoded) + len(r.fields.Type) + len(r.fields.Encoding) }

// Replaced says whether any entity was replaced.
func (m *Message) Replaced() bool { return len(m.replaced) > 0 }

// Body is the body with the replacements.
func (m *Message) Body() []byte {
	var b strings.Builder
	b.Grow(m.size)
	at := 0
	for i := range m.Entities {
		r, ok := m.replaced[i]
		if !ok || !m.Has(i) {
			continue
		}
		if i == 0 {
			return []byte(r.encoded)
		}
		e := &m.Entities[i]
		before := m.text[at:e.start]
		b.WriteString(before)
		if before != "" && !strings.HasSuffix(before, "\n") {
			b.WriteString("\r\n") // the body ends in a delimiter
		}
		b.WriteString(r.header(m.text[e.start:e.headerEnd]))
		b.WriteString("\r\n" + r.encoded)
		if at = e.end; at < len(m.text) && m.text[at] != '\r' && m.text[at] != '\n' {
			b.WriteString("\r\n") // the line end of the header was that of the delimiter
		}
	}
	b.WriteString(m.text[at:])
	return []byte(b.String())
}

// header is the header of a part with the new fields.
func (r replacement) header(old string) string {
	var b strings.Builder
	keep := false
	for line := range strings.Lines(old) {
		if line[0] != ' ' && line[0] != '\t' {
			keep = isField(line) && !r.drops(line)
		}
		if keep {
			b.WriteString(strings.TrimRight(line, "\r\n") + "\r\n")
		}
	}
	for _, f := range [...][2]string{{nameType, r.fields.Type}, {nameEncoding, r.fields.Encoding}} {
		field, err := gateway.NewField(f[0], f[1])
		if err == nil { // always, since the values consist of tokens and quoted strings
			b.WriteString(string(field))
		}
	}
	return b.String()
}

// drops says whether a field is no longer true of the new text.
func (r replacement) drops(line string) bool {
	name, _, _ := strings.Cut(line, ":")
	switch strings.ToLower(strings.TrimRight(name, " \t")) {
	case "content-type", "content-transfer-encoding", "content-md5", "content-length":
		return true
	case "content-disposition":
		return !r.fields.KeepDisposition
	}
	return false
}

// typeOf is the Content-Type of an entity with a new text. Its charset is UTF-8, or left
// out if the text is ASCII and the entity named no other charset.
func typeOf(e *Entity, text string) string {
	const plainType, utf8Parameter = "text/plain", "; charset=utf-8"
	if !e.IsText() {
		return plainType + utf8Parameter
	}
	_, parameters := parseValue(e.value)
	value := e.Type
	for _, p := range parameters {
		if !strings.HasPrefix(p.name, "charset") && isToken(p.name) {
			value += "; " + p.name + "=" + quoted(p.value)
		}
	}
	if gateway.IsASCII(text) && (e.Charset == "" || e.Charset == "us-ascii") {
		return value
	}
	return value + utf8Parameter
}

// quoted is the value of a parameter, as a quoted string unless it is a token.
func quoted(value string) string {
	value = strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(value)
	if isToken(value) {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// withCRLF gives a text the line ends of mail: a bare LF becomes CRLF, a bare CR
// a space.
func withCRLF(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r", " "), "\n", "\r\n")
}
