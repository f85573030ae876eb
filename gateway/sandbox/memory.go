package sandbox

import (
	"fmt"
	"unsafe"

	"github.com/mmgw/mmgw/sdk/wire"
)

// text copies octets out of the module's memory.
func (c *call) text(ptr, size uint64) string { return string(c.view(ptr, size)) }

// word is a text of the module in place, valid until the host function returns:
// a name or a key to look up.
func (c *call) word(ptr, size uint64) string {
	b := c.view(ptr, size)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// view is a range of the module's memory itself, valid until the host function
// returns. It traps the module if the range does not exist.
func (c *call) view(ptr, size uint64) []byte {
	b, ok := c.instance.memory.Read(uint32(ptr), uint32(size))
	if !ok {
		c.stop(Trapped, fmt.Sprintf("trap: a host function was given memory that does not exist: %d octets at %d", uint32(size), uint32(ptr)))
	}
	c.moved(len(b))
	return b
}

// moved counts and charges octets that are copied to or from the module.
func (c *call) moved(n int) {
	c.bytes += int64(n)
	c.spend(int64(n) / octetsPerUnit)
}

// reply is how every function returns a text: it copies it to the buffer if it
// fits, and nothing otherwise, and returns the length that the text has.
func (c *call) reply(text string, buf, size uint64) int64 {
	if uint32(size) == 0 {
		return int64(len(text))
	}
	b, ok := c.instance.memory.Read(uint32(buf), uint32(size))
	if !ok {
		c.view(buf, size) // traps
	}
	if len(text) <= len(b) {
		c.moved(len(text))
		copy(b, text)
	}
	return int64(len(text))
}

// replyIf is reply, or wire.NotFound without ok.
func (c *call) replyIf(text string, ok bool, buf, size uint64) int64 {
	if !ok {
		return wire.NotFound
	}
	return c.reply(text, buf, size)
}
