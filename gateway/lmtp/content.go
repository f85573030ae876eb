package lmtp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/mmgw/mmgw/gateway"
)

// overrunBytesMax is how much more than ContentBytesMax is read of a content, to find its
// end and keep the connection. It is generous: an MTA whose connection is closed, without
// a 552, tries the message again.
const overrunBytesMax = 256 << 20

var (
	tooLarge    = status(552, 5, 3, 4, "message too large")
	bareNewline = status(554, 5, 6, 0, "message has a bare CR or LF")
	crlf        = []byte("\r\n")

	errTaken = errors.New("the content was read after its reply")
)

// content frames one content: it ends only at CRLF "." CRLF, loses its stuffed dots (RFC
// 5321, section 4.5.2), and has its line ends normalised. The Intake reads it as an
// io.Reader, perhaps from a goroutine that it no longer waits for.
type content struct {
	in       *bufio.Reader
	bytesMax int64
	strict   bool // bare CR and LF are a fault

	mu        sync.Mutex
	taken     bool // nobody may read it any more
	lineStart bool // the next octet is the first of a line
	segment   []byte
	newline   []byte // to be read after segment
	size      int64  // octets framed
	ended     bool   // CRLF "." CRLF was read

	fault  *gateway.Status // why the content is refused
	broken *gateway.Status // why its end was not found
}

// Read returns what has arrived, and waits only for the first octet. Its errors other
// than io.EOF are of type *gateway.Status.
func (c *content) Read(p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken {
		return 0, errTaken
	}
	for n < len(p) {
		switch {
		case len(c.segment) > 0:
			m := copy(p[n:], c.segment)
			n, c.segment = n+m, c.segment[m:]
		case len(c.newline) > 0:
			c.segment, c.newline = c.newline, nil
		case n > 0 && (c.stop() != nil || c.in.Buffered() == 0):
			return n, nil
		case c.stop() != nil:
			return 0, c.stop()
		default:
			c.advance()
		}
	}
	return n, nil
}

// stop is the error that Read ends with, nil while there is more.
func (c *content) stop() error {
	switch {
	case c.fault != nil:
		return c.fault
	case c.broken != nil:
		return c.broken
	case c.ended:
		return io.EOF
	}
	return nil
}

// take reads the content to its end, after which nobody can read it. With a fault it must
// be refused; broken says that its end was not found.
func (c *content) take() (fault *gateway.Status, broken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.ended && c.broken == nil {
		c.advance()
	}
	c.taken = true
	if c.fault == nil {
		c.fault = c.broken
	}
	return c.fault, c.broken != nil
}

// advance frames the next piece: one line, or a part of a very long one.
func (c *content) advance() {
	line, err := c.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		// Whether a CR at the edge is bare depends on the next octet.
		if line[len(line)-1] == '\r' {
			c.in.UnreadByte()
			line = line[:len(line)-1]
		}
	} else if err != nil {
		c.broken = &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 4, 2},
			Text: "the content broke off or stalled", Cause: err}
		return
	}
	start := c.lineStart
	c.lineStart = bytes.HasSuffix(line, crlf)
	if start && line[0] == '.' {
		if len(line) == 3 && c.lineStart {
			c.ended = true
			return
		}
		line = line[1:]
	}
	c.normalise(line)
	c.limit()
}

// normalise makes line the next segment. Usually its only CR is the one before the LF at
// its end.
func (c *content) normalise(line []byte) {
	c.segment = line
	text, hasLF := bytes.CutSuffix(line, []byte("\n"))
	text, hasCR := bytes.CutSuffix(text, []byte("\r"))
	proper := hasLF == hasCR
	if at := bytes.IndexByte(text, '\r'); at >= 0 {
		proper = false
		for i := at; i < len(text); i++ {
			if text[i] == '\r' {
				text[i] = ' '
			}
		}
	}
	if hasLF && !hasCR {
		c.segment, c.newline = text, crlf
	}
	if !proper && c.strict && c.fault == nil {
		c.fault = bareNewline
	}
}

// limit refuses a content that is too large, and gives up on one that does not end.
func (c *content) limit() {
	c.size += int64(len(c.segment) + len(c.newline))
	if c.size > c.bytesMax && c.fault == nil {
		c.fault = tooLarge
	}
	if c.size > c.bytesMax+overrunBytesMax {
		c.broken = tooLarge
	}
	if c.fault != nil {
		c.segment, c.newline = nil, nil
	}
}
