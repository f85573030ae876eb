package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Limits of a header block. They are checked before any parser sees it,
// because parsers of mail tend to take quadratic time.
const (
	HeaderBytesMax  = 256 << 10 // the whole block; the largest honest ones have some 64 KiB
	HeaderFieldsMax = 1000      // fields
	FieldLinesMax   = 1000      // lines of one folded field
)

// ErrHeaderTooLarge says that a header block exceeds HeaderBytesMax,
// HeaderFieldsMax or FieldLinesMax.
var ErrHeaderTooLarge = &Status{Code: 552, Enhanced: EnhancedCode{5, 3, 4}, Text: "the header block is too large"}

// Field is one header field as it stands in the content: name, colon, value
// and CRLF, folded as it came. A line that came in front of all fields and is
// none ("From " of an mbox) is kept as a Field without a name.
type Field string

// NewField makes a Field. The name must be printable ASCII without a colon
// (RFC 5322, section 2.2); the value must have no CR, LF or NUL. It is folded
// at spaces where a line would exceed 78 octets.
func NewField(name, value string) (Field, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	if breaksLine(value) {
		return "", fmt.Errorf("the value of %s has a CR, LF or NUL", name)
	}
	if len(name)+len(": ")+len(value) <= foldAt {
		return Field(name + ": " + value + lineEnd), nil
	}
	return Field(fold(name + ": " + value)), nil
}

// Name of the field as it was written, without trailing space.
func (f Field) Name() string {
	colon := strings.IndexByte(string(f), ':')
	if colon < 0 {
		return ""
	}
	name := trimEnd(string(f[:colon]))
	if checkName(name) != nil {
		return ""
	}
	return name
}

// Value of the field, unfolded, without the space around it and without NUL:
// a value that a field can have.
func (f Field) Value() string {
	value := ""
	if colon := strings.IndexByte(string(f), ':'); colon >= 0 {
		value = strings.TrimSuffix(string(f[colon+1:]), lineEnd)
	}
	if breaksLine(value) {
		value = unfold.Replace(value)
	}
	return trimEnd(trimStart(value))
}

// trimStart takes foldSpace off the start. It takes a tenth of the time of
// strings.TrimLeft, which makes a set of two characters first: modules read and
// write many fields.
func trimStart(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	return s
}

// trimEnd takes foldSpace off the end.
func trimEnd(s string) string {
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// breaksLine says whether a text has what no value may have.
func breaksLine(s string) bool {
	return strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\r') >= 0 || strings.IndexByte(s, 0) >= 0
}

// unfold takes out what no value may have. It is made once, because making it
// takes longer than using it.
var unfold = strings.NewReplacer("\r", "", "\n", "", "\x00", "")

// Is says whether the field has that name; case does not count.
func (f Field) Is(name string) bool {
	n := len(name)
	if len(f) <= n || f[n] != ':' && f[n] != ' ' && f[n] != '\t' { // a look that spares most fields the rest
		return false
	}
	return sameLetters(string(f[:n]), name) && checkName(name) == nil && strings.HasPrefix(trimStart(string(f[n:])), ":")
}

// sameLetters compares texts of one length; the case of ASCII letters does not
// count.
func sameLetters(a, b string) bool {
	for i := range len(a) {
		x, y := a[i], b[i]
		if x != y && (x^y != 0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}

func checkName(name string) error {
	if name == "" {
		return errors.New("a header field needs a name")
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' || name[i] == ':' {
			return fmt.Errorf("%q is not the name of a header field", Printable(name))
		}
	}
	return nil
}

const (
	foldAt     = 78  // RFC 5322, section 2.1.1: should
	lineOctets = 998 // RFC 5322, section 2.1.1: must
	foldSpace  = " \t"
	lineEnd    = "\r\n"
)

// fold breaks a line in front of spaces. Words longer than a line stay whole
// up to 998 octets and are broken there.
func fold(line string) string {
	var b strings.Builder
	for len(line) > foldAt {
		at := foldPoint(line)
		if at < 0 {
			break
		}
		b.WriteString(line[:at] + lineEnd)
		if !strings.ContainsRune(foldSpace, rune(line[at])) {
			b.WriteByte(' ')
		}
		line = line[at:]
	}
	return b.String() + line + lineEnd
}

// foldPoint finds the space to fold at: the last that keeps the line within 78
// octets, else the first one beyond, else octet 998. -1: the line stays whole. No
// line of white space alone comes about (RFC 5322, section 3.2.2).
func foldPoint(line string) int {
	best, last := -1, len(strings.TrimRight(line, foldSpace))
	blank := true
	for i := max(strings.IndexByte(line, ':')+2, 1); i < last && i < lineOctets; i++ {
		if strings.IndexByte(foldSpace, line[i]) < 0 {
			blank = false
			continue
		}
		if blank {
			continue
		}
		if best >= 0 && i > foldAt {
			break
		}
		best = i
	}
	if best < 0 && last > lineOctets {
		return lineOctets - 1
	}
	return best
}

// Header is the fields of a message in their order.
type Header []Field

// Find returns the index of the first field of that name at or after from, or -1.
func (h Header) Find(name string, from int) int {
	for i := max(from, 0); i < len(h); i++ {
		if h[i].Is(name) {
			return i
		}
	}
	return -1
}

// Get returns the value of the first field of that name, or "".
func (h Header) Get(name string) string {
	if i := h.Find(name, 0); i >= 0 {
		return h[i].Value()
	}
	return ""
}

// Count is the number of fields of that name.
func (h Header) Count(name string) (n int) {
	for i := h.Find(name, 0); i >= 0; i = h.Find(name, i+1) {
		n++
	}
	return n
}

// splitHeader takes the header block at the start of content apart. It returns
// the fields and the offset of what follows them: the empty line, or the first
// line that is not a field, where the header ends without one.
func splitHeader(block []byte) (Header, int, error) {
	starts := make([]int, 0, 32) // of the fields
	offset, lines := 0, 0
	for offset < len(block) {
		line := block[offset : offset+lineLen(block[offset:])]
		switch {
		case len(starts) > 0 && (line[0] == ' ' || line[0] == '\t'):
			if lines++; lines > FieldLinesMax {
				return nil, 0, ErrHeaderTooLarge
			}
		case isFieldLine(line), len(starts) == 0 && isMboxLine(line):
			if len(starts) == HeaderFieldsMax {
				return nil, 0, ErrHeaderTooLarge
			}
			starts, lines = append(starts, offset), 1
		default:
			return cutFields(block[:offset], starts), offset, nil
		}
		offset += len(line)
	}
	return cutFields(block, starts), offset, nil
}

// cutFields copies a header block once for all of its fields.
func cutFields(block []byte, starts []int) Header {
	text, header := string(block), make(Header, len(starts))
	for i, start := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		header[i] = Field(text[start:end])
	}
	return header
}

func lineLen(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

// isFieldLine says whether a line begins with a name of printable ASCII, white
// space at its end aside, and a colon.
func isFieldLine(line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return false
	}
	name := bytes.TrimRight(line[:colon], foldSpace)
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return len(name) > 0
}

func isMboxLine(line []byte) bool {
	return bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From "))
}
