package bounce

import (
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// Limits of the walk. Reports have three parts and nest two deep.
const (
	PartsMax       = 1000      // parts of one message; later ones are not seen
	DepthMax       = 50        // multiparts inside each other; deeper ones are taken as text
	PartBytesMax   = 256 << 10 // of a part that is read; the rest of it is left out
	parameterBytes = 256       // RFC 2046, section 5.1.1, allows 70 for a boundary
)

// part is a part that is no multipart itself.
type part struct {
	header gateway.Header
	kind   string // media type in lower case; "" where none is named
	body   string // as it stands, still encoded, with LF line ends
}

// walker goes through a message line by line, once. It never goes back and
// never goes into a message/rfc822: delimiters of what is returned are unknown
// to it, and so is everything between them.
type walker struct {
	text       string
	message    message
	boundaries []string // of the multiparts that are open, the innermost last

	header     gateway.Header // of the entity that is being read
	inHeader   bool
	fieldStart int // of the last field, -1 for none
	inBody     bool
	bodyStart  int
	depth      int // entities begun: the first is the message
}

// walk takes text apart. A multipart without any of its delimiters is one
// part of text.
func walk(text string) message {
	w := &walker{text: text}
	w.begin()
	for at := 0; at < len(text); {
		end := len(text)
		if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
			end = at + n + 1
		}
		w.line(at, end)
		at = end
	}
	w.end(len(text))
	if len(w.message.parts) == 0 {
		w.message.parts = []part{{header: w.message.header, body: text[min(w.bodyStart, len(text)):]}}
	}
	return w.message
}

// line takes up the line between two offsets. A delimiter ends whatever is
// being read, a header too. A line that is no field ends a header that has no
// empty line behind it, and belongs to the body.
func (w *walker) line(at, end int) {
	line := w.text[at:end]
	if strings.HasPrefix(line, "--") && w.delimiter(at, strings.TrimRight(line[2:], " \t\n")) {
		return
	}
	if !w.inHeader {
		return
	}
	switch {
	case strings.TrimRight(line, " \t\n") == "":
		w.endHeader(end)
	case w.fieldStart >= 0 && (line[0] == ' ' || line[0] == '\t'):
		w.header[len(w.header)-1] = gateway.Field(w.text[w.fieldStart:end])
	case isField(line):
		w.fieldStart = -1
		if len(w.header) < gateway.HeaderFieldsMax {
			w.header, w.fieldStart = append(w.header, gateway.Field(line)), at
		}
	case (len(w.header) == 0 || w.depth == 0) && strings.HasPrefix(strings.TrimPrefix(line, ">"), "From "): // of an mbox
	default:
		w.endHeader(at)
	}
}

// delimiter closes the part in front of a delimiter line, and says whether
// it is one. mark is the line without its leading hyphens.
func (w *walker) delimiter(at int, mark string) bool {
	if len(mark) > parameterBytes+len("--") {
		return false
	}
	// The mark as it stands comes first: a boundary may itself end in hyphens.
	if i := w.multipart(mark); i >= 0 {
		w.end(at)
		w.boundaries = w.boundaries[:i+1]
		w.begin()
		return true
	}
	last, closing := strings.CutSuffix(mark, "--")
	i := w.multipart(last)
	if !closing || i < 0 {
		return false
	}
	w.end(at)
	w.boundaries = w.boundaries[:i]
	return true
}

// multipart is the innermost open one with that boundary, or -1: some MTAs
// give a multipart and the one around it the same.
func (w *walker) multipart(boundary string) int {
	for i, open := range slices.Backward(w.boundaries) {
		if open == boundary {
			return i
		}
	}
	return -1
}

// begin starts an entity: its header comes first.
func (w *walker) begin() {
	w.header, w.inHeader, w.inBody, w.fieldStart = nil, true, false, -1
}

// endHeader decides what the entity is: a multipart, which stays open until
// its delimiter or one around it closes it, or a part. body is where what follows
// begins.
func (w *walker) endHeader(body int) {
	w.inHeader, w.bodyStart = false, body
	if w.depth++; w.depth == 1 {
		w.message.header = w.header
	}
	// A multipart is not a part itself: its preamble is for readers without MIME.
	kind, boundary := mediaType(w.header.Get("Content-Type"))
	if strings.HasPrefix(kind, "multipart/") && boundary != "" && len(w.boundaries) < DepthMax {
		w.boundaries = append(w.boundaries, boundary)
		return
	}
	w.inBody = true
}

// end closes the part that is being read, if any, at the offset.
func (w *walker) end(at int) {
	if w.inHeader {
		w.endHeader(at)
	}
	if w.inBody && len(w.message.parts) < PartsMax {
		kind, _ := mediaType(w.header.Get("Content-Type"))
		if strings.HasPrefix(kind, "multipart/") {
			kind = ""
		}
		body := w.text[w.bodyStart:max(at, w.bodyStart)]
		w.message.parts = append(w.message.parts, part{header: w.header, kind: kind, body: body})
	}
	w.inBody = false
}

// isField says whether a line starts a header field (RFC 5322, section 2.2).
// Space in front of the colon is the obsolete syntax, and common.
func isField(line string) bool {
	name, _, ok := strings.Cut(line, ":")
	return ok && name != "" && strings.IndexFunc(strings.TrimRight(name, " \t"), func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}
