package sandbox

import (
	"fmt"
	"unsafe"

	"github.com/mmgw/mmgw/sdk/wire"
)

// text copies octets out of the module's memory.
func (c *call) text(ptr, size uint64) string { return string(c.view(ptr, size)) }

// word is a text that is looked at in place, good until the host function
// returns: a name or a key to look up.
func (c *call) word(ptr, size uint64) string {
	b := c.view(ptr, size)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// view is a range of the module's memory itself, good until the host function
// returns. A range that does not exist is a fault of the module: it traps.
func (c *call) view(ptr, size uint64) []byte {
	b, ok := c.instance.memory.Read(uint32(ptr), uint32(size))
	if !ok {
		c.stop(Trapped, fmt.Sprintf("trap: a host function was given memory that does not exist: %d octets at %d", uint32(size), uint32(ptr)))
	}
	c.moved(len(b))
	return b
}

// moved counts octets that go to the module or come from it, and charges for
// them.
func (c *call) moved(n int) {
	c.bytes += int64(n)
	c.spend(int64(n) / octetsPerUnit)
}

// reply is the rule of all readers: the whole length comes back, and a text
// that does not fit is not written at all.
func (c *call) reply(text string, buf, size uint64) int64 {
	if uint32(size) == 0 {
		return int64(len(text))
	}
	b, ok := c.instance.memory.Read(uint32(buf), uint32(size))
	if !ok {
		c.view(buf, size) // stops
	}
	if len(text) <= len(b) {
		c.moved(len(text))
		copy(b, text)
	}
	return int64(len(text))
}

// replyIf replies, or answers that there is nothing.
func (c *call) replyIf(text string, ok bool, buf, size uint64) int64 {
	if !ok {
		return wire.NotFound
	}
	return c.reply(text, buf, size)
}
