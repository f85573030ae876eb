package writer

import "unsafe"

// textsBytes is enough for the texts of nearly any list.
const textsBytes = 4 << 10

// Texts keeps copies of short texts in one piece of memory, so that a table of
// many rows leaves no garbage. Its zero value is ready.
type Texts struct{ buf []byte }

// Keep returns a copy of s, which is valid until Reset.
func (t *Texts) Keep(s string) string {
	if cap(t.buf)-len(t.buf) < len(s) { // what was kept stays where it is
		t.buf = make([]byte, 0, max(textsBytes, 2*cap(t.buf), len(s)))
	}
	at := len(t.buf)
	t.buf = append(t.buf, s...)
	return unsafe.String(unsafe.SliceData(t.buf[at:]), len(s))
}

// Reset lets go of all that was kept.
func (t *Texts) Reset() { t.buf = t.buf[:0] }
