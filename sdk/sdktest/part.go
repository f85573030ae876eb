package sdktest

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mmgw/mmgw/sdk/wire"
)

// Part is a MIME part as a handler finds it, parsed and decoded. Part 0 is the message
// itself. After the handler has replaced a part, it has the new text, and the type text/plain
// unless it was text before.
type Part struct {
	Type, Charset, Filename, Disposition string

	Text     string // decoded; "" for a multipart
	Parent   int    // index of the part around it; ignored for part 0
	Replaced bool
}

// within says whether part i is within part p, at any depth.
func (c *call) within(i, p int) bool {
	for i > 0 && i != p {
		i = c.parts[i].Parent
		if i == p {
			return true
		}
	}
	return false
}

// part is 0 if there is a part of index i, and otherwise the refusal. Parts within a part
// that was replaced are gone.
func (c *call) part(i int32) int32 {
	if refused := c.content(); refused < 0 {
		return refused
	}
	if i < 0 || int(i) >= len(c.parts) {
		return wire.NotFound
	}
	for p := range c.parts {
		if c.parts[p].Replaced && c.within(int(i), p) {
			return wire.NotFound
		}
	}
	return 0
}

func (c *call) PartCount() int32 {
	if refused := c.part(0); refused < 0 {
		return refused
	}
	return int32(len(c.parts))
}

func (c *call) PartGet(i int32, key string, buf []byte) int32 {
	if refused := c.part(i); refused < 0 {
		return refused
	}
	p := c.parts[i]
	depth := 0
	for at := int(i); at > 0; at = c.parts[at].Parent {
		depth++
	}
	value := map[string]string{
		wire.PartType: p.Type, wire.PartCharset: p.Charset, wire.PartFilename: p.Filename, wire.PartDisposition: p.Disposition,
		wire.PartSize: strconv.Itoa(len(p.Text)), wire.PartDepth: strconv.Itoa(depth),
	}[key]
	if key == wire.PartParent && i > 0 {
		value = strconv.Itoa(p.Parent)
	}
	if value == "" {
		return wire.NotFound
	}
	return put(buf, value)
}

func (c *call) PartRead(i int32, off int64, buf []byte) int32 {
	if refused := c.part(i); refused < 0 {
		return refused
	}
	if text := c.parts[i].Text; off >= 0 && off <= int64(len(text)) {
		return int32(copy(buf, text[off:]))
	}
	return wire.BadArgument
}

func (c *call) PartReplace(i int32, text string) int32 {
	refused := c.part(i)
	switch {
	case refused < 0:
		return refused
	case c.phase == phasePlan:
		return wire.WrongPhase
	case c.bodyBegun, !utf8.ValidString(text), strings.Contains(text, "\x00"):
		return wire.BadArgument
	}
	p := &c.parts[i]
	if !strings.HasPrefix(p.Type, "text/") {
		p.Type, p.Charset, p.Filename, p.Disposition = "text/plain", "utf-8", "", ""
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", " ")
	p.Text, p.Replaced = strings.ReplaceAll(text, "\n", "\r\n"), true
	return 0
}
