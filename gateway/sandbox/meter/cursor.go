package meter

import "fmt"

// cursor reads a piece of a module. After its first error it returns zeros, so
// that a reader needs to check only once, at the end.
type cursor struct {
	b   []byte
	off int
	err error
}

// fail keeps the first error and moves to the end.
func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
		c.off = len(c.b)
	}
}

// more says whether something is left to be read.
func (c *cursor) more() bool { return c.err == nil && c.off < len(c.b) }

// rest returns what is left without moving on.
func (c *cursor) rest() []byte { return c.b[c.off:] }

// byte reads one octet.
func (c *cursor) byte() byte {
	if c.off >= len(c.b) {
		c.fail("it ends too early")
		return 0
	}
	c.off++
	return c.b[c.off-1]
}

// expect reads a byte that has one legal value.
func (c *cursor) expect(want byte, what string) {
	if got := c.byte(); c.err == nil && got != want {
		c.fail("%s is %#x, and only %#x is supported", what, got, want)
	}
}

// take returns the next n octets, without a copy.
func (c *cursor) take(n uint32) []byte {
	if uint64(n) > uint64(len(c.b)-c.off) {
		c.fail("it ends too early")
		return nil
	}
	c.off += int(n)
	return c.b[c.off-int(n) : c.off]
}

// u32 reads an unsigned LEB128 number of at most five octets; most have one.
func (c *cursor) u32() uint32 {
	if c.off < len(c.b) && c.b[c.off] < 0x80 {
		c.off++
		return uint32(c.b[c.off-1])
	}
	var x uint64
	for shift := 0; shift < 35; shift += 7 {
		b := c.byte()
		x |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if x > 1<<32-1 {
				break
			}
			return uint32(x)
		}
	}
	c.fail("a number is longer than 32 bits")
	return 0
}

// signed reads a signed LEB128 number of so many bits, in no more octets than
// these can need. Surplus bits in the last octet are left to the compiler to check.
func (c *cursor) signed(bits int) int64 {
	var x int64
	for shift := 0; shift < bits; shift += 7 {
		b := c.byte()
		x |= int64(b&0x7f) << shift
		if b < 0x80 {
			if shift += 7; shift < 64 && b&0x40 != 0 {
				x |= -1 << shift
			}
			return x
		}
	}
	c.fail("a number is longer than %d bits", bits)
	return 0
}

// count reads the length of a vector. Every entry takes at least one octet, so a
// count beyond what is left is refused, before anything is allocated for it.
func (c *cursor) count(what string, limit int) int {
	n := c.u32()
	switch {
	case uint64(n) > uint64(len(c.b)-c.off):
		c.fail("it announces %d %s, more than there are octets left", n, what)
		return 0
	case int(n) > limit:
		c.fail("%d %s are more than %d", n, what, limit)
		return 0
	}
	return int(n)
}

// name reads a length and as many octets. That they are UTF-8 is left to the
// compiler to check.
func (c *cursor) name() string { return string(c.take(c.u32())) }

// index reads a number below limit.
func (c *cursor) index(what string, limit int) uint32 {
	i := c.u32()
	if c.err == nil && uint64(i) >= uint64(limit) {
		c.fail("there is no %s %d of %d", what, i, limit)
	}
	return i
}

// uleb appends an unsigned LEB128 number.
func uleb(b []byte, x uint32) []byte {
	for x >= 0x80 {
		b = append(b, byte(x)|0x80)
		x >>= 7
	}
	return append(b, byte(x))
}

// sleb appends a signed LEB128 number.
func sleb(b []byte, x int64) []byte {
	for {
		low := byte(x & 0x7f)
		x >>= 7
		if x == 0 && low&0x40 == 0 || x == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}
