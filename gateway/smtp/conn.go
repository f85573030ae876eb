package smtp

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// Conn is one connection on which a server has greeted us. Up to three
// goroutines may Send at a time: one whose outcome is being settled, one whose
// content is under way, and one whose envelope waits. More gain nothing.
type Conn struct {
	base       net.Conn // as it was handed in
	conn       net.Conn // base, or TLS on it
	reader     *bufio.Reader
	options    Options
	timeouts   Timeouts
	host       string            // the server, as its EHLO reply names it
	extensions map[string]string // keywords of EHLO in upper case, and their parameters
	secure     bool              // under TLS

	line      line // in which each Send waits for its turn to speak
	unsettled turn // one place for each content out whose outcome is not settled

	begun    int  // transactions, of who speaks
	resetDue bool // the server may still have an envelope, of who speaks

	broken  atomic.Bool // no octet may go or come
	retired atomic.Bool // no further Send, but QUIT is fine
}

// Offers says whether the server's last EHLO reply had keyword, in any case,
// and with which parameters.
func (c *Conn) Offers(keyword string) (parameters string, ok bool) {
	parameters, ok = c.extensions[strings.ToUpper(keyword)]
	return parameters, ok
}

// Pipelines says whether a second Send can go behind the final dot of the
// first; else it waits for it to end.
func (c *Conn) Pipelines() bool {
	_, ok := c.extensions["PIPELINING"]
	return ok
}

// Usable says whether the connection can take another Send. A false stays
// false; all that is left is Close.
func (c *Conn) Usable() bool { return !c.broken.Load() && !c.retired.Load() }

// Close says QUIT, where nothing is under way, waits for the reply no longer
// than Timeouts.Quit, and closes the connection. A Send under way fails.
func (c *Conn) Close() error {
	if !c.broken.Load() && c.line.try() {
		limit := time.Now().Add(c.timeouts.Quit)
		if c.write(limit, c.timeouts.Quit, []byte("QUIT\r\n")) == nil {
			_, _ = c.read(limit, c.timeouts.Quit)
		}
	}
	c.abort()
	return nil
}

// abort closes the connection without a word. It can be called at any time.
func (c *Conn) abort() {
	c.broken.Store(true)
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
	if err := c.conn.SetReadDeadline(earlier(time.Now().Add(timeout), limit)); err != nil {
		return reply{}, err
	}
	return readReply(c.reader)
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

// unsettledMax is how many messages of one connection may have to go out again
// after a crash: one that is not answered and one whose outcome is not settled.
const unsettledMax = 2

// turn is a lock for so many at a time that can be waited for with a context.
type turn chan struct{}

func newTurn(places int) turn { return make(turn, places) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) leave() { <-t }

// errUnusable is the cause of a Send on a connection that ended before it.
var errUnusable = errors.New("the connection had ended")
