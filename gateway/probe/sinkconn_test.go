package probe

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// onePipe is a listener with one connection, fit for a bubble of synctest.
type onePipe struct {
	conn   chan net.Conn
	closed chan struct{}
}

func (p onePipe) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conn:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p onePipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p onePipe) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

// What comes after a content that stalled is not a command: RSET gets no answer.
func TestSinkForgetsAStalledContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		l := onePipe{make(chan net.Conn, 1), make(chan struct{})}
		l.conn <- theirs
		sink := &Sink{Record: func(t1 Transaction) { t.Errorf("recorded %+v", t1) }}
		go sink.Serve(l)
		said := make(chan string, 1)
		go func() {
			text, _ := io.ReadAll(ours)
			said <- string(text)
		}()
		if _, err := io.WriteString(ours, "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@example.org>\r\nDATA\r\nx\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(sinkTimeout + time.Second) // of the bubble's clock
		_, _ = io.WriteString(ours, "y\r\n.\r\nRSET\r\n")
		ours.Close()
		if text := <-said; !strings.Contains(text, "354 ") || strings.Contains(text, "reset") {
			t.Errorf("it said %q", text)
		}
		sink.Close()
		synctest.Wait()
	})
}
