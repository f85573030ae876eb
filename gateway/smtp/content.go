package smtp

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"
)

// blockBytes is how much content one write has. Larger writes are no faster.
const blockBytes = 64 << 10

// blocks are the buffers for sending content: two blocks each, one to read into and one
// to write from.
var blocks = sync.Pool{New: func() any { return new([2 * blockBytes]byte) }}

// writeContent sends body with its dots stuffed (RFC 5321, section 4.5.2), the final dot,
// and then what follow returns. After an error the final dot may not have been sent, and
// the connection must be closed. A writeError is a fault of the connection; errStray and
// errors of body are faults of ours.
func (c *Conn) writeContent(limit time.Time, body io.Reader, follow func() []byte) error {
	buffer := blocks.Get().(*[2 * blockBytes]byte)
	defer blocks.Put(buffer)
	w := &stuffer{
		out:       buffer[blockBytes:blockBytes],
		lineStart: true,
		flush:     func(p []byte) error { return c.write(limit, c.timeouts.Block, p) },
	}
	for {
		n, err := body.Read(buffer[:blockBytes])
		if err := w.write(buffer[:n]); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF):
			return w.end(follow)
		case err != nil:
			return err
		}
	}
}

// errStray says that content is not what Content promises.
var errStray = errors.New("content with a CR or LF that is not part of a line end")

// writeError is a failure to write to the server.
type writeError struct{ error }

func (e writeError) Unwrap() error { return e.error }

// stuffer collects content in out, and passes it to flush when that is full. It does not
// trust its input: a bare CR or LF is an error, because the next host might take it for a
// line end.
type stuffer struct {
	out       []byte
	lineStart bool // the next octet is the first of a line
	cr        bool // the last octet was CR
	flush     func([]byte) error
}

func (s *stuffer) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	dots, stray := lines(p, s.cr)
	if stray {
		return errStray
	}
	if s.lineStart && p[0] == '.' {
		if err := s.put(p[:1]); err != nil {
			return err
		}
	}
	s.cr, s.lineStart = p[len(p)-1] == '\r', p[len(p)-1] == '\n'
	for ; dots > 0; dots-- {
		n := bytes.Index(p, []byte("\n."))
		if err := s.put(p[:n+2]); err != nil { // and the dot again
			return err
		}
		p = p[n+1:]
	}
	return s.put(p)
}

// lines counts the dots that begin a line of p other than its first, and says whether p
// has a bare CR or LF. cr says that the octet before p was a CR. A CR at the end of p is
// not bare yet.
func lines(p []byte, cr bool) (dots int, stray bool) {
	pairs := 0
	for at := 0; at < len(p); pairs++ {
		n := bytes.IndexByte(p[at:], '\n')
		if n < 0 {
			break
		}
		if at += n; at == 0 && !cr || at > 0 && p[at-1] != '\r' {
			return 0, true
		}
		if at++; at < len(p) && p[at] == '.' {
			dots++
		}
	}
	if p[0] == '\n' {
		pairs-- // its CR came before
	}
	if p[len(p)-1] == '\r' {
		pairs++
	}
	return dots, cr && p[0] != '\n' || bytes.Count(p, []byte("\r")) != pairs
}

// end completes the last line, if the content did not, and sends the final dot, with what
// follows it.
func (s *stuffer) end(follow func() []byte) error {
	if s.cr {
		return errStray
	}
	dot := ".\r\n"
	if !s.lineStart {
		dot = "\r\n.\r\n"
	}
	if err := s.put([]byte(dot)); err != nil {
		return err
	}
	if err := s.put(follow()); err != nil {
		return err
	}
	return s.send()
}

func (s *stuffer) put(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), cap(s.out)-len(s.out))
		s.out, p = append(s.out, p[:n]...), p[n:]
		if len(s.out) == cap(s.out) {
			if err := s.send(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *stuffer) send() error {
	if len(s.out) == 0 {
		return nil
	}
	if err := s.flush(s.out); err != nil {
		return writeError{err}
	}
	s.out = s.out[:0]
	return nil
}
