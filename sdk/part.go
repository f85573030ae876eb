package sdk

import (
	"github.com/mmgw/mmgw/sdk/internal/abi"
	"github.com/mmgw/mmgw/sdk/wire"
)

// Part is the MIME part at an index. Part 0 is the message itself; the parts within a part
// come after it. Replacing a part does not renumber others.
type Part int32

// PartCount is the number of parts: from 1 to wire.PartsMax, or 0 if the body is too large
// to be parsed.
func (m *Message) PartCount() int { return max(0, int(abi.PartCount())) }

// Parts goes through the parts in the order in which they begin, without those that are
// gone because a part around them was replaced.
func (m *Message) Parts(yield func(Part) bool) {
	n := m.PartCount()
	for i := range n {
		if p := Part(i); p.Type() != "" && !yield(p) {
			return
		}
	}
}

// Type is the media type in lower case, "text/plain" if the mail does not name one. It is
// "" for a part that does not exist.
func (p Part) Type() string { return p.get(wire.PartType) }

// Charset is the charset that the mail names, in lower case, or "". Read returns UTF-8 in
// any case.
func (p Part) Charset() string { return p.get(wire.PartCharset) }

// Filename is the name that the mail gives to the part, or "". It may be any text, and have
// slashes.
func (p Part) Filename() string { return p.get(wire.PartFilename) }

// Disposition is "attachment", "inline", another word in lower case, or "".
func (p Part) Disposition() string { return p.get(wire.PartDisposition) }

// Size is the number of octets that can be read from the part.
func (p Part) Size() int64 { return p.number(wire.PartSize) }

// Depth is the number of parts around the part.
func (p Part) Depth() int { return int(p.number(wire.PartDepth)) }

// Parent is the part around this one. It returns false for part 0.
func (p Part) Parent() (Part, bool) {
	text, ok := p.lookup(wire.PartParent)
	return Part(decimal(text)), ok
}

// Read copies the content of the part from offset off into b, without its transfer
// encoding, and text in UTF-8. It returns how many octets it copied: 0 at the end.
func (p Part) Read(b []byte, off int64) (int, error) {
	n := abi.PartRead(int32(p), off, b)
	return max(0, int(n)), check(n)
}

// Text is the whole content of the part, which must fit into the module's memory.
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

// Replace replaces the part, with the parts within it, by a text in UTF-8. A text part keeps
// its type; any other becomes text/plain. It needs the capability body.
func (p Part) Replace(text string) error { return check(abi.PartReplace(int32(p), text)) }

func (p Part) lookup(key string) (string, bool) {
	return text(func(buf []byte) int32 { return abi.PartGet(int32(p), key, buf) })
}

func (p Part) get(key string) string {
	value, _ := p.lookup(key)
	return value
}

func (p Part) number(key string) int64 { return decimal(p.get(key)) }

// decimal reads a number from mmgw. strconv, with its errors, would make a TinyGo module 10
// kB larger.
func decimal(s string) (n int64) {
	for i := range len(s) {
		n = n*10 + int64(s[i]-'0')
	}
	return n
}
