package authres

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// canonical is a pair of canonicalisations, c= of RFC 6376, section 3.5: each is
// relaxed or simple.
type canonical struct{ relaxedHeader, relaxedBody bool }

// relaxed is what we sign with, since mail servers fold fields again and drop spaces
// at the ends of lines.
var relaxed = canonical{true, true}

// parseCanonical reads c=. If the second half is missing it is simple.
func parseCanonical(c string) (canonical, error) {
	header, body, both := strings.Cut(strings.ToLower(c), "/")
	if !both {
		body = "simple"
	}
	for _, word := range []string{header, body} {
		if word != "simple" && word != "relaxed" {
			return canonical{}, fmt.Errorf("unknown canonicalisation %q", gateway.Printable(c))
		}
	}
	return canonical{header == "relaxed", body == "relaxed"}, nil
}

// field is a field in the canonicalisation of headers (sections 3.4.1 and 3.4.2), with
// its CRLF.
func (c canonical) field(f gateway.Field) string {
	if !c.relaxedHeader {
		return string(f)
	}
	name, value, _ := strings.Cut(string(f), ":")
	var b strings.Builder
	b.Grow(len(f))
	b.WriteString(strings.ToLower(strings.TrimRight(name, " \t")) + ":")
	start, space := b.Len(), false
	for i := range len(value) {
		switch v := value[i]; {
		case v == ' ' || v == '\t':
			space = true
		case v == '\r' || v == '\n':
		default:
			if space && b.Len() > start {
				b.WriteByte(' ')
			}
			space = false
			b.WriteByte(v)
		}
	}
	return b.String() + "\r\n"
}

// BodyHash is the hash of a body in the relaxed canonicalisation, bh= of the
// signatures that are made here.
func BodyHash(body gateway.Content) ([]byte, error) { return hashBody(body, true) }

func hashBody(body gateway.Content, relaxed bool) ([]byte, error) {
	r, err := body.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	w := bodyWriter{to: sha256.New(), relaxed: relaxed}
	if _, err := io.CopyBuffer(&w, struct{ io.Reader }{r}, make([]byte, chunkBytes)); err != nil {
		return nil, err
	}
	return w.sum(), nil
}

// bodyWriter hashes a body in one of the canonicalisations of RFC 6376, sections 3.4.3
// and 3.4.4. It only counts line ends and white space that it holds back, so that it
// takes linear time and little memory for any body.
type bodyWriter struct {
	to      hash.Hash
	relaxed bool

	out   []byte // to be hashed
	lines int    // line ends held back: at the end of the body they do not count
	space bool   // white space held back: at the end of a line it does not count
	cr    bool   // a CR that may begin a line end
	any   bool   // something other than line ends was seen
}

// Write never fails.
func (w *bodyWriter) Write(p []byte) (int, error) {
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case w.cr && c == '\n':
			w.cr, w.space = false, false
			w.lines++
			continue
		case w.cr:
			w.cr = false
			w.text([]byte{'\r'})
		}
		switch {
		case c == '\r':
			w.cr = true
		case w.relaxed && (c == ' ' || c == '\t'):
			w.space = true
		default:
			end := i + 1
			for end < len(p) && (p[end] > ' ' || p[end] == ' ' && (!w.relaxed || end+1 < len(p) && p[end+1] > ' ')) {
				end++ // both canonicalisations keep single spaces within a line
			}
			w.text(p[i:end])
			i = end - 1
		}
	}
	w.flush()
	return len(p), nil
}

// text hashes what was held back, and then s.
func (w *bodyWriter) text(s []byte) {
	for ; w.lines > 0; w.lines-- {
		w.out = append(w.out, "\r\n"...)
		if len(w.out) >= chunkBytes {
			w.flush()
		}
	}
	if w.space {
		w.out = append(w.out, ' ')
	}
	w.space, w.any = false, true
	w.out = append(w.out, s...)
}

func (w *bodyWriter) flush() {
	w.to.Write(w.out)
	w.out = w.out[:0]
}

// sum ends the body, with one CRLF unless it is relaxed and empty, and returns the
// hash.
func (w *bodyWriter) sum() []byte {
	if w.cr {
		w.text([]byte{'\r'})
	}
	if w.any || !w.relaxed {
		w.out = append(w.out, "\r\n"...)
	}
	w.flush()
	return w.to.Sum(nil)
}

// signedFields are the fields that the names in h= select: each name selects the next
// field of that name from the bottom up, if there is one (section 5.4.2).
func signedFields(header gateway.Header, names []string) []gateway.Field {
	left := map[string][]gateway.Field{}
	for _, field := range header {
		name := strings.ToLower(field.Name())
		left[name] = append(left[name], field)
	}
	var fields []gateway.Field
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if of := left[name]; len(of) > 0 {
			fields = append(fields, of[len(of)-1])
			left[name] = of[:len(of)-1]
		}
	}
	return fields
}

// hashHeader is the hash that is signed: of fields, and of the signature's own field
// without its CRLF and with an empty b= (section 3.7).
func (c canonical) hashHeader(fields []gateway.Field, own gateway.Field) []byte {
	h := sha256.New()
	for _, field := range fields {
		io.WriteString(h, c.field(field))
	}
	io.WriteString(h, strings.TrimSuffix(c.field(withoutSignature(own)), "\r\n"))
	return h.Sum(nil)
}

// withoutSignature empties the b= tag of a field.
func withoutSignature(f gateway.Field) gateway.Field {
	name, list, _ := strings.Cut(string(f), ":")
	var b strings.Builder
	b.WriteString(name + ":")
	for i, tag := range strings.Split(list, ";") {
		if i > 0 {
			b.WriteByte(';')
		}
		if at := strings.IndexByte(tag, '='); at >= 0 && strings.TrimSpace(tag[:at]) == "b" {
			tag = tag[:at+1]
		}
		b.WriteString(tag)
	}
	if text := b.String(); strings.HasSuffix(text, "\r\n") {
		return gateway.Field(text)
	}
	return gateway.Field(b.String() + "\r\n")
}
