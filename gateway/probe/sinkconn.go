package probe

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
)

// sinkListener notes the connections of a Sink, so that Close ends them all.
type sinkListener struct {
	net.Listener
	sink *Sink
}

func (l *sinkListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &sinkConn{Conn: conn, sink: l.sink}
	l.sink.mu.Lock()
	defer l.sink.mu.Unlock()
	if l.sink.closed {
		conn.Close()
		return nil, net.ErrClosed
	}
	l.sink.conns[conn] = struct{}{}
	return c, nil
}

// sinkConn makes two promises that go-smtp relies on: a read that failed fails
// ever after, or the rest of a content that stalled would be commands; and a
// peer that breaks off is an error, or half a chunk of BDAT would be a whole.
type sinkConn struct {
	net.Conn
	sink    *Sink
	readErr error // the reader's alone
	hangUp  atomic.Bool
}

func (c *sinkConn) Read(p []byte) (int, error) {
	if c.readErr != nil {
		return 0, c.readErr
	}
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	c.readErr = err
	return n, err
}

// Write closes the connection after the reply that was to be the last.
func (c *sinkConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if c.hangUp.Load() {
		c.Close()
	}
	return n, err
}

func (c *sinkConn) Close() error {
	c.sink.mu.Lock()
	delete(c.sink.conns, c.Conn)
	c.sink.mu.Unlock()
	return c.Conn.Close()
}
