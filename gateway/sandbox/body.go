package sandbox

import (
	"bytes"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// bodyState is the body that a call reads, and the new one that it writes. They
// are separate, so that a module can read a piece, write it, and read on.
type bodyState struct {
	content gateway.Content
	reader  gateway.ContentReader
	begun   bool
	written []byte
}

// openBody returns the body, or nil in a phase without one.
func (c *call) openBody() gateway.Content {
	if c.body.content == nil && c.exchange.Draft != nil {
		c.body.content = c.exchange.Draft.Body()
	}
	return c.body.content
}

// body_size() -> octets
func (c *call) bodySize([]uint64) int64 {
	body := c.openBody()
	if body == nil {
		return wire.WrongPhase
	}
	return body.Size()
}

// body_read(off, buf, cap) -> octets copied, 0 at the end
func (c *call) bodyRead(a []uint64) int64 {
	body, off := c.openBody(), int64(a[0])
	switch {
	case body == nil:
		return wire.WrongPhase
	case off < 0 || off > body.Size():
		return wire.BadArgument
	}
	window := c.view(a[1], a[2])
	if c.body.reader == nil {
		r, err := body.Open()
		if err != nil {
			return wire.Temporary
		}
		c.body.reader = r
	}
	window = window[:min(int64(len(window)), body.Size()-off)]
	n, err := c.body.reader.ReadAt(window, off)
	if n < len(window) && err != nil {
		return wire.Temporary
	}
	return int64(n)
}

// body_begin() -> 0; what was written before is forgotten
func (c *call) bodyBegin([]uint64) int64 {
	if c.openBody() == nil {
		return wire.WrongPhase
	}
	c.body.begun, c.body.written = true, nil
	return 0
}

// body_write(ptr, len) -> octets taken, which is all
func (c *call) bodyWrite(a []uint64) int64 {
	if !c.body.begun {
		return wire.BadArgument
	}
	text := c.view(a[0], a[1])
	if len(c.body.written)+len(text) > BodyBytesMax {
		return wire.Limit
	}
	if c.body.written == nil {
		c.body.written = make([]byte, 0, min(c.openBody().Size()+int64(len(text)), reserveBytesMax))
	}
	c.body.written = append(c.body.written, text...)
	return int64(len(text))
}

// edits are all that the call changed, the body last.
func (c *call) edits() []gateway.Edit {
	switch {
	case !c.body.begun && (c.parts.message == nil || !c.parts.message.Replaced()):
		return c.header.edits
	case !c.body.begun:
		return append(c.header.edits, gateway.Edit{Op: gateway.ReplaceBody, Body: c.parts.message.Body()})
	}
	return append(c.header.edits, gateway.Edit{Op: gateway.ReplaceBody, Body: withCRLF(c.body.written)})
}

// withCRLF gives a body the line ends of mail, as gateway/lmtp does with what comes
// in: a bare LF becomes CRLF, a bare CR a space.
func withCRLF(body []byte) []byte {
	whole := bytes.Count(body, []byte("\r\n"))
	if bytes.Count(body, []byte("\n")) == whole && bytes.Count(body, []byte("\r")) == whole {
		return body
	}
	out := make([]byte, 0, len(body)+bytes.Count(body, []byte("\n"))-whole)
	for i, b := range body {
		switch {
		case b == '\r' && (i+1 == len(body) || body[i+1] != '\n'):
			out = append(out, ' ')
		case b == '\n' && (i == 0 || body[i-1] != '\r'):
			out = append(out, '\r', '\n')
		default:
			out = append(out, b)
		}
	}
	return out
}
