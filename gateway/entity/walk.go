package entity

import "strings"

// Names of the fields that say what an entity is.
const (
	nameType        = "Content-Type"
	nameEncoding    = "Content-Transfer-Encoding"
	nameDisposition = "Content-Disposition"
)

// frame is a multipart that has not ended.
type frame struct {
	entity   int
	boundary string
	shadowed int // the frame around it with the same boundary, -1 for none
}

// walker reads a body line by line, once.
type walker struct {
	text     string
	entities []Entity
	path     []int          // entities that have not ended, the outermost first
	frames   []frame        // the multiparts among them whose last delimiter has not come
	open     map[string]int // the innermost frame of each boundary

	inHeader bool
	field    int       // where the field that is being read begins, -1 for none
	seen     int       // number of fields of the entity so far
	fields   [3]string // type, encoding and disposition of the entity that is being read
}

// walk reads the body to its end, which ends all entities.
func (w *walker) walk() {
	for at := 0; at < len(w.text); {
		end := len(w.text)
		if n := strings.IndexByte(w.text[at:], '\n'); n >= 0 {
			end = at + n + 1
		}
		w.line(at, end)
		at = end
	}
	for w.inHeader {
		w.endHeader(len(w.text), len(w.text))
	}
	w.close(0, len(w.text))
}

// line reads the line between two offsets. A delimiter ends a header too.
func (w *walker) line(at, end int) {
	line := w.text[at:end]
	switch {
	case strings.HasPrefix(line, "--") && w.delimiter(at, end), !w.inHeader:
	case strings.TrimRight(line, " \t\r\n") == "":
		w.endHeader(at, end)
	case line[0] == ' ' || line[0] == '\t':
	case w.seen == fieldsMax:
		w.endField(at)
	case isField(line):
		w.endField(at)
		w.field = at
		w.seen++
	case w.field < 0 && strings.HasPrefix(strings.TrimPrefix(line, ">"), "From "): // the first line of an mbox
	default:
		w.endHeader(at, at)
	}
}

// isField says whether a line begins a header field (RFC 5322, section 2.2).
func isField(line string) bool {
	name, _, ok := strings.Cut(line[:min(len(line), fieldMax)], ":")
	name = strings.TrimRight(name, " \t")
	return ok && name != "" && strings.IndexFunc(name, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}

// delimiter handles the line between two offsets if it is a delimiter, and says whether
// it was.
func (w *walker) delimiter(at, end int) bool {
	mark := w.text[at+2 : end]
	if len(w.frames) == 0 || len(mark) > boundaryMax+8 {
		return false
	}
	mark = strings.TrimRight(mark, " \t\r\n")
	f, found := w.open[mark] // first with its hyphens: a boundary itself may end in them
	last := false
	if !found {
		if mark, last = strings.CutSuffix(mark, "--"); !last {
			return false
		}
		if f, found = w.open[mark]; !found {
			return false
		}
	}
	for w.inHeader {
		w.endHeader(at, at)
	}
	multipart := w.frames[f].entity
	w.close(multipart+1, at)
	w.dropFrames(f + 1)
	if last {
		w.dropFrames(f)
		return true
	}
	w.begin(end)
	return true
}

// close ends, at an offset, the open entities from an index on. The line end before a
// delimiter belongs to the delimiter.
func (w *walker) close(from, at int) {
	if at < len(w.text) {
		at = len(strings.TrimSuffix(strings.TrimSuffix(w.text[:at], "\n"), "\r"))
	}
	for n := len(w.path); n > 0 && w.path[n-1] >= from; n-- {
		e := &w.entities[w.path[n-1]]
		e.end = max(at, e.body)
		w.path = w.path[:n-1]
	}
}

// dropFrames removes the frames from an index on.
func (w *walker) dropFrames(from int) {
	for _, f := range w.frames[from:] {
		delete(w.open, f.boundary)
	}
	for i := len(w.frames) - 1; i >= from; i-- {
		if f := w.frames[i]; f.shadowed >= 0 && f.shadowed < from {
			w.open[f.boundary] = f.shadowed
		}
	}
	w.frames = w.frames[:from]
}

// begin starts an entity within the innermost one that is open, unless there are too
// many.
func (w *walker) begin(at int) {
	if len(w.entities) == PartsMax {
		return
	}
	e := Entity{Parent: -1, start: at, body: at, headerEnd: at}
	if n := len(w.path); n > 0 {
		e.Parent = w.path[n-1]
		e.Depth = w.entities[e.Parent].Depth + 1
	}
	w.path = append(w.path, len(w.entities))
	w.entities = append(w.entities, e)
	w.inHeader, w.field, w.seen, w.fields = true, -1, 0, [3]string{}
}

// endField reads the field that ends at an offset.
func (w *walker) endField(at int) {
	if w.field >= 0 {
		w.take(w.text[w.field:min(at, w.field+fieldMax)])
	}
	w.field = -1
}

// take keeps a field that describes the entity. The first one of a name counts.
func (w *walker) take(field string) {
	name, value, _ := strings.Cut(field, ":")
	for i, wanted := range [...]string{nameType, nameEncoding, nameDisposition} {
		if w.fields[i] == "" && strings.EqualFold(strings.TrimRight(name, " \t"), wanted) {
			w.fields[i] = strings.TrimSpace(unfold.Replace(value))
		}
	}
}

// unfold removes line ends.
var unfold = strings.NewReplacer("\r", "", "\n", "")

// endHeader ends the header of an entity at an offset. It sets what the entity is, and
// whether what follows from body on is octets or entities.
func (w *walker) endHeader(at, body int) {
	w.endField(at)
	w.inHeader = false
	index := len(w.entities) - 1
	e := &w.entities[index]
	e.headerEnd, e.body = at, body
	e.describe(w.fields, e.Parent >= 0 && w.entities[e.Parent].Type == "multipart/digest")
	if e.Depth == DepthMax {
		return
	}
	switch {
	case e.boundary != "" && len(e.boundary) <= boundaryMax:
		shadowed, ok := w.open[e.boundary]
		if !ok {
			shadowed = -1
		}
		w.open[e.boundary] = len(w.frames)
		w.frames = append(w.frames, frame{index, e.boundary, shadowed})
		e.container = true
	case e.isMessage() && len(w.entities) < PartsMax:
		e.container = true
		w.begin(body)
	}
}

// isMessage says whether the entity is a message that is not encoded itself.
func (e *Entity) isMessage() bool {
	return (e.Type == "message/rfc822" || e.Type == "message/global") && e.encoding != "base64" && e.encoding != "quoted-printable"
}
