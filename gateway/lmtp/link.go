package lmtp

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// readBufferBytes holds what pipelining clients send in one go, and is the
	// piece in which a content is read.
	readBufferBytes = 32 << 10

	// writeBufferBytes holds the replies to a pipelined transaction.
	writeBufferBytes = 4 << 10

	// commandBytesMax is the longest command, CRLF included: 512 of RFC 5321,
	// section 4.5.3.1.4, and room for long addresses, ORCPT and ENVID.
	commandBytesMax = 4 << 10

	// lingerBytesMax and lingerTime bound what is read and discarded after a last
	// reply. Closing with unread input would reset the connection, and the client
	// might never see the reply.
	lingerBytesMax = 1 << 20
	lingerTime     = time.Second
)

var (
	errLineTooLong = errors.New("command line too long")
	errBareLF      = errors.New("bare LF in a command line")
	errDraining    = errors.New("shutting down")
)

// link is one connection, buffered both ways. Replies leave when the next read has to
// wait for the network. After a read error every read fails, so that nothing that
// follows is taken for a command. Only drain may be called from outside the session's
// goroutine.
type link struct {
	conn net.Conn
	in   *bufio.Reader // over link.Read
	out  *bufio.Writer // over link.Write
	idle time.Duration // for one read or write
	err  error         // of the first failed read

	mu       sync.Mutex
	until    time.Time // when all reads end
	resting  bool      // no transaction is open
	draining bool      // the connection ends when it rests
}

func newLink(conn net.Conn, idle time.Duration) *link {
	l := &link{conn: conn, idle: idle}
	l.in = bufio.NewReaderSize(l, readBufferBytes)
	l.out = bufio.NewWriterSize(l, writeBufferBytes)
	return l
}

// Read reads from the network.
func (l *link) Read(p []byte) (n int, err error) {
	if l.err == nil {
		l.err = l.out.Flush()
	}
	if l.err == nil {
		l.err = l.arm()
	}
	if l.err == nil {
		n, l.err = l.conn.Read(p)
	}
	if l.err == io.EOF {
		l.err = io.ErrUnexpectedEOF
	}
	return n, l.err
}

// Write writes to the network.
func (l *link) Write(p []byte) (int, error) {
	if err := l.conn.SetWriteDeadline(time.Now().Add(l.idle)); err != nil {
		return 0, err
	}
	return l.conn.Write(p)
}

// arm sets the deadline of the next read. Because of the lock, drain either comes before
// the read, or wakes it with a deadline of its own.
func (l *link) arm() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.draining && l.resting {
		return errDraining
	}
	deadline := time.Now().Add(l.idle)
	if l.until.Before(deadline) {
		deadline = l.until
	}
	return l.conn.SetReadDeadline(deadline)
}

// within sets how long all further reads may take together, and whether drain may
// interrupt them.
func (l *link) within(d time.Duration, resting bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until, l.resting = time.Now().Add(d), resting
}

// drain ends the connection as soon as it rests.
func (l *link) drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draining = true
	if l.resting {
		l.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// leaving says whether a resting connection has to end.
func (l *link) leaving() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.draining && l.resting
}

// line reads one command without its CRLF. The result is valid until the next read.
func (l *link) line() ([]byte, error) {
	line, err := l.in.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull, len(line) > commandBytesMax:
		return nil, errLineTooLong
	case err != nil:
		return nil, err
	case len(line) < 2 || line[len(line)-2] != '\r':
		return nil, errBareLF
	}
	return line[:len(line)-2], nil
}

// linger lets the last reply reach a client that is still sending.
func (l *link) linger() {
	half, ok := l.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if l.conn.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		io.CopyN(io.Discard, l.conn, lingerBytesMax)
	}
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
