package sandbox

import (
	"io"
	"strconv"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/entity"
	"github.com/mmgw/mmgw/sdk/wire"
)

// partState is the MIME tree of the body as it came in, parsed when a module first
// asks for it, and the part that was read last.
type partState struct {
	message *entity.Message // nil: not parsed yet
	last    int             // the part that text is of, -1 for none
	text    string          // decoded
}

// openParts returns the MIME tree, or a result below zero if there is none.
func (c *call) openParts() (*entity.Message, int64) {
	if c.parts.message != nil {
		return c.parts.message, 0
	}
	body := c.openBody()
	switch {
	case body == nil:
		return nil, wire.WrongPhase
	case body.Size() > entity.BodyMax:
		return nil, wire.Limit
	}
	c.spend(unitsPerParsed * body.Size())
	r, err := body.Open()
	if err != nil {
		return nil, wire.Temporary
	}
	defer r.Close()
	var text strings.Builder
	text.Grow(int(body.Size()))
	if _, err := io.Copy(&text, io.NewSectionReader(r, 0, body.Size())); err != nil {
		return nil, wire.Temporary
	}
	c.parts.message, c.parts.last = entity.Parse(c.header.draft.Header, text.String()), -1
	c.checkTime()
	return c.parts.message, 0
}

// part returns the MIME tree if it has a part of index i.
func (c *call) part(i uint64) (*entity.Message, int64) {
	m, refused := c.openParts()
	if refused == 0 && !m.Has(int(int32(i))) {
		return nil, wire.NotFound
	}
	return m, refused
}

// partText is the decoded content of a part.
func (c *call) partText(m *entity.Message, i int) string {
	if c.parts.last != i {
		c.spend(unitsPerDecoded * int64(m.Encoded(i)))
		c.parts.last, c.parts.text = i, m.Read(i)
		c.checkTime()
	}
	return c.parts.text
}

// part_count() -> number
func (c *call) partCount([]uint64) int64 {
	m, refused := c.openParts()
	if refused < 0 {
		return refused
	}
	return int64(len(m.Entities))
}

// part_get(p, key, klen, buf, cap) -> length
func (c *call) partGet(a []uint64) int64 {
	m, refused := c.part(a[0])
	if refused < 0 {
		return refused
	}
	i := int(int32(a[0]))
	e, text := &m.Entities[i], ""
	switch c.text(a[1], a[2]) {
	case wire.PartType:
		text = e.Type
	case wire.PartCharset:
		text = e.Charset
	case wire.PartFilename:
		text = e.Filename
	case wire.PartDisposition:
		text = e.Disposition
	case wire.PartSize:
		text = strconv.Itoa(len(c.partText(m, i)))
	case wire.PartDepth:
		text = strconv.Itoa(e.Depth)
	case wire.PartParent:
		if i > 0 {
			text = strconv.Itoa(e.Parent)
		}
	}
	return c.replyIf(text, text != "", a[3], a[4])
}

// part_read(p, off, buf, cap) -> octets copied, 0 at the end
func (c *call) partRead(a []uint64) int64 {
	m, refused := c.part(a[0])
	if refused < 0 {
		return refused
	}
	text, off := c.partText(m, int(int32(a[0]))), int64(a[1])
	if off < 0 || off > int64(len(text)) {
		return wire.BadArgument
	}
	return int64(copy(c.view(a[2], a[3]), text[off:]))
}

// part_replace(p, ptr, len) -> 0
func (c *call) partReplace(a []uint64) int64 {
	m, refused := c.part(a[0])
	switch {
	case refused < 0:
		return refused
	case c.body.begun:
		return wire.BadArgument // the module writes the whole body itself
	case uint32(a[2]) > entity.BodyMax:
		return wire.Limit
	}
	i, text := int(int32(a[0])), c.text(a[1], a[2])
	c.spend(unitsPerDecoded * int64(len(text)))
	if i == 0 && !c.hasRoom() {
		return wire.Limit
	}
	fields, err := m.Replace(i, text)
	switch {
	case err == entity.ErrNotText:
		return wire.BadArgument
	case err != nil:
		return wire.Limit
	}
	if c.parts.last == i {
		c.parts.last, c.parts.text = -1, ""
	}
	if i == 0 {
		return c.describeBody(fields)
	}
	return 0
}

// hasRoom says whether describeBody will succeed. It adds three fields, one of
// which may be as long as the Content-Type was.
func (c *call) hasRoom() bool {
	const fields = 3
	octets, edits := HeaderValueBytesMax, fields
	for _, f := range c.header.draft.Header {
		octets += len(f)
		if f.Is("Content-Disposition") || f.Is("Content-Type") || f.Is("Content-Transfer-Encoding") || f.Is("MIME-Version") {
			edits++
		}
	}
	return len(c.header.edits)+edits <= EditsMax && octets <= gateway.HeaderBytesMax &&
		len(c.header.draft.Header)+fields <= gateway.HeaderFieldsMax
}

// describeBody adjusts the header of the message to its new body.
func (c *call) describeBody(f entity.Fields) int64 {
	if !f.KeepDisposition {
		c.removeFields("Content-Disposition", 0)
	}
	for _, e := range []gateway.Edit{
		{Name: "MIME-Version", Value: "1.0"},
		{Name: "Content-Type", Value: f.Type},
		{Name: "Content-Transfer-Encoding", Value: f.Encoding},
	} {
		if result := c.setField(e); result < 0 {
			return result
		}
	}
	return 0
}
