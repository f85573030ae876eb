package smtp

import (
	"bufio"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Conn is one connection to a server that has greeted us.
type Conn struct {
	base       net.Conn // as NewConn got it
	conn       net.Conn // base, or TLS on it
	reader     *bufio.Reader
	options    Options
	timeouts   Timeouts
	host       string            // the server, as its EHLO reply names it
	extensions map[string]string // keywords of EHLO in upper case, and their parameters
	mailsMax   int               // transactions that the server takes; 0: it does not say
	secure     bool              // under TLS

	unsettled places    // one for each content that was sent and whose outcome is not settled
	readBy    time.Time // the deadline of the next octets

	begun    int  // number of transactions
	resetDue bool // the server may still have an envelope
	retired  bool // it takes no further transaction, only QUIT

	unwelcome *gateway.Status // see Unwelcome

	ended chan struct{} // closed when nothing may be written or read any more
	end   func()        // closes ended, once
}

// Offers says whether the server's last EHLO reply had keyword, in any case,
// and with which parameters.
func (c *Conn) Offers(keyword string) (parameters string, ok bool) {
	parameters, ok = c.extensions[strings.ToUpper(keyword)]
	return parameters, ok
}

// Pipelines says whether commands may be sent in groups, and an envelope right after a
// final dot (RFC 2920).
func (c *Conn) Pipelines() bool {
	_, ok := c.extensions["PIPELINING"]
	return ok
}

// Usable says whether the connection can take another transaction. Once it cannot, only
// Close is left to do. It is for the goroutine of Run.
func (c *Conn) Usable() bool { return !c.Broken() && !c.retired && !c.isSpent() }

// Broken says whether the connection ended without a QUIT. It may be called at any time.
func (c *Conn) Broken() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// Unwelcome is the status of a connection that the server ended before it accepted the
// first MAIL, by 421 or by hanging up: it does not take messages now. It is nil for other
// connections. It is for the goroutine of Run.
func (c *Conn) Unwelcome() *gateway.Status { return c.unwelcome }

// Close waits until all outcomes are settled, sends QUIT, waits for the reply no longer
// than Timeouts.Quit, and closes the connection. It must not be called during Run.
func (c *Conn) Close() {
	c.unsettled.wait()
	if !c.Broken() {
		limit := time.Now().Add(c.timeouts.Quit)
		if c.write(limit, c.timeouts.Quit, []byte("QUIT\r\n")) == nil {
			_, _ = c.read(limit, c.timeouts.Quit)
		}
	}
	c.Abort()
}

// Abort closes the connection at once: what is in progress fails. It may be called at any
// time.
func (c *Conn) Abort() {
	c.end()
	c.base.Close()
}

// write writes p within timeout, and before limit.
func (c *Conn) write(limit time.Time, timeout time.Duration, p []byte) error {
	if err := c.conn.SetWriteDeadline(earlier(time.Now().Add(timeout), limit)); err != nil {
		return err
	}
	_, err := c.conn.Write(p)
	return err
}

// read reads one reply within timeout, and before limit.
func (c *Conn) read(limit time.Time, timeout time.Duration) (reply, error) {
	c.readBy = earlier(time.Now().Add(timeout), limit)
	return readReply(c.reader)
}

// waiting reads from the server, until readBy. It sets the deadline only when it has to
// wait for the network, not for what is in the buffer.
type waiting struct{ *Conn }

func (w waiting) Read(p []byte) (int, error) {
	if err := w.conn.SetReadDeadline(w.readBy); err != nil {
		return 0, err
	}
	return w.conn.Read(p)
}

// ask writes one command line and reads its reply.
func (c *Conn) ask(timeout time.Duration, line string) (reply, error) {
	limit := time.Now().Add(2 * timeout)
	if err := c.write(limit, timeout, []byte(line+"\r\n")); err != nil {
		return reply{}, err
	}
	return c.read(limit, timeout)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// unsettledMax is how many messages of one connection may have to be sent again after a
// crash: one that is not answered, and one whose outcome is not settled.
const unsettledMax = 2

// places is a lock that unsettledMax can hold at a time.
type places chan struct{}

// take waits for a place. It returns false if ended is closed first.
func (p places) take(ended <-chan struct{}) (taken bool) {
	select {
	case p <- struct{}{}:
		return true
	case <-ended:
		return false
	}
}

func (p places) leave() { <-p }

// wait returns when nobody has a place.
func (p places) wait() {
	for range cap(p) {
		p.take(nil)
	}
	for range cap(p) {
		p.leave()
	}
}

// Causes of transactions that ended without any fault of the server.
var (
	errUnusable = errors.New("the connection had ended") // before the transaction
	errAborted  = errors.New("the transaction was given up")
)
