package sdk

import (
	"github.com/mmgw/mmgw/sdk/internal/abi"
	"github.com/mmgw/mmgw/sdk/wire"
)

// Part is the MIME part at an index. Part 0 is the message itself, and what lies
// in a part comes behind it. Parts that are replaced are not renumbered.
type Part int32

// PartCount is the number of parts: 1 at least, wire.PartsMax at most, and 0 for
// a body that is too large to be taken apart.
func (m *Message) PartCount() int { return max(0, int(abi.PartCount())) }

// Parts goes through the parts that are there, in the order of their text.
func (m *Message) Parts(yield func(Part) bool) {
	n := m.PartCount()
	for i := range n {
		if p := Part(i); p.Type() != "" && !yield(p) {
			return
		}
	}
}

// Type is the media type in lower case, "text/plain" where the mail names none.
// It is "" for a part that is not there.
func (p Part) Type() string { return p.get(wire.PartType) }

// Charset is the charset that the mail names, in lower case, or "". Read gives
// UTF-8 whatever it is.
func (p Part) Charset() string { return p.get(wire.PartCharset) }

// Filename is the name that the mail gives to the part, or "". It may be
// anything, slashes included.
func (p Part) Filename() string { return p.get(wire.PartFilename) }

// Disposition is "attachment", "inline", another word in lower case, or "".
func (p Part) Disposition() string { return p.get(wire.PartDisposition) }

// Size is the number of octets that Read gives in all.
func (p Part) Size() int64 { return p.number(wire.PartSize) }

// Depth is the number of parts around the part.
func (p Part) Depth() int { return int(p.number(wire.PartDepth)) }

// Parent is the part around this one; there is none around part 0.
func (p Part) Parent() (Part, bool) {
	text, ok := p.lookup(wire.PartParent)
	return Part(decimal(text)), ok
}

// Read copies what is in the part from an offset on into b, without its transfer
// encoding, and text in UTF-8. It returns how many octets it copied: 0 at the
// end.
func (p Part) Read(b []byte, off int64) (int, error) {
	n := abi.PartRead(int32(p), off, b)
	return max(0, int(n)), check(n)
}

// Text is all that is in the part. It has to fit into the module's memory.
func (p Part) Text() (string, error) {
	size := p.Size()
	b := make([]byte, size)
	if size == 0 {
		_, err := p.Read(b, 0)
		return "", err
	}
	n, err := p.Read(b, 0)
	return string(b[:n]), err
}

// Replace puts a text of UTF-8 in the place of the part and of all that lies in
// it. A text part keeps its type, anything else becomes text/plain. It needs the
// capability body.
func (p Part) Replace(text string) error { return check(abi.PartReplace(int32(p), text)) }

func (p Part) lookup(key string) (string, bool) {
	return text(func(buf []byte) int32 { return abi.PartGet(int32(p), key, buf) })
}

func (p Part) get(key string) string {
	value, _ := p.lookup(key)
	return value
}

func (p Part) number(key string) int64 { return decimal(p.get(key)) }

// decimal reads a number as mmgw writes it. The errors of strconv would make a
// TinyGo module 10 kB larger.
func decimal(s string) (n int64) {
	for i := range len(s) {
		n = n*10 + int64(s[i]-'0')
	}
	return n
}
