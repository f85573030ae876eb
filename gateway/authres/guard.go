package authres

import (
	"context"
	"errors"
	"io"
)

// guard stands between the content and the library. It ends the content early if ctx
// is done, reading fails, or BlankBytesMax is exceeded. The library sees a normal end,
// because it leaks goroutines on errors; its verdict is then ignored.
type guard struct {
	ctx   context.Context
	from  io.Reader
	err   error // of reading, or of ctx
	blank bool  // BlankBytesMax was exceeded
	run   int   // spaces and line ends since the last other octet
}

// chunkBytes is how much the library gets at a time. With each write it looks again at
// the blank octets that it holds back, so few large writes are better than many small
// ones.
const chunkBytes = 64 << 10

// WriteTo writes the rest in chunks of chunkBytes. io.Copy uses it.
func (g *guard) WriteTo(w io.Writer) (int64, error) {
	return io.CopyBuffer(w, struct{ io.Reader }{g}, make([]byte, chunkBytes))
}

// Read never returns an error but io.EOF.
func (g *guard) Read(p []byte) (int, error) {
	if g.err == nil {
		g.err = g.ctx.Err()
	}
	if g.err != nil || g.blank {
		return 0, io.EOF
	}
	n, err := g.from.Read(p)
	for _, c := range p[:n] {
		switch c {
		case ' ', '\t', '\r', '\n':
			g.run++
			g.blank = g.blank || g.run > BlankBytesMax
		default:
			g.run = 0
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		g.err = err
	}
	if g.blank || g.err != nil {
		return 0, io.EOF
	}
	return n, err
}
