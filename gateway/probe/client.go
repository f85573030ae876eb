package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

const (
	// answerTimeout bounds the wait for one reply, and for the server to take
	// what is written: RFC 5321, section 4.5.3.2.6, gives 10 minutes to the
	// reply to a final dot, the longest of all.
	answerTimeout = 10 * time.Minute

	// quitTimeout bounds the politeness of Close.
	quitTimeout = 5 * time.Second
)

// Client is one LMTP connection on which a server has greeted us. It is used by
// one goroutine at a time.
type Client struct {
	conn       net.Conn
	reader     *bufio.Reader
	extensions map[string]bool // keywords of LHLO, in upper case
	last       answer          // for the error of a dialogue that breaks
	resetDue   bool            // the server may hold an envelope
	broken     atomic.Bool
}

// Reply is what a server answered for one recipient.
type Reply struct {
	To     gateway.ForwardPath // as it was given to Send
	Status *gateway.Status     // never nil
}

// Dial connects to "HOST:PORT" or "unix:/path" and says LHLO. A server that
// greets with a refusal is an error with a *gateway.Status in its chain. The
// context governs Dial alone.
func Dial(ctx context.Context, address string) (*Client, error) {
	network, target := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, target = "unix", path
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, target)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	client, err := newClient(ctx, conn)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return client, nil
}

// newClient takes conn over: it reads the greeting and says LHLO.
func newClient(ctx context.Context, conn net.Conn) (*Client, error) {
	c := &Client{conn: conn, reader: bufio.NewReaderSize(conn, answerLineBytesMax), extensions: map[string]bool{}}
	stop := context.AfterFunc(ctx, c.abort)
	defer stop()
	if err := c.hello(); err != nil {
		c.abort()
		return nil, cause(ctx, err)
	}
	return c, nil
}

func (c *Client) hello() error {
	greeting, err := c.read()
	if err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	if greeting.class() != 2 {
		return fmt.Errorf("the server refuses the connection: %w", greeting.status())
	}
	answers, err := c.ask(1, []byte("LHLO localhost\r\n"))
	if err != nil {
		return fmt.Errorf("LHLO: %w", err)
	}
	if answers[0].class() != 2 {
		return fmt.Errorf("the server refuses LHLO: %w", answers[0].status())
	}
	for _, line := range answers[0].lines[1:] {
		keyword, _, _ := strings.Cut(line, " ")
		c.extensions[strings.ToUpper(keyword)] = true
	}
	return nil
}

// Send hands one message over and returns one Reply for each element of to, in
// its order; an address that stands there twice is sent twice. An error says
// that the dialogue broke, or that an address is none: what became of the
// message is unknown in the first case, nothing was sent in the second. After
// a dialogue that broke all that is left is Close. Send ends when ctx does.
func (c *Client) Send(ctx context.Context, from gateway.ReversePath, to []gateway.ForwardPath, content []byte) ([]Reply, error) {
	commands, err := c.commands(from, to, gateway.IsASCII(content))
	if err != nil {
		return nil, err
	}
	if c.broken.Load() {
		return nil, errors.New("the connection had ended")
	}
	stop := context.AfterFunc(ctx, c.abort)
	defer stop()
	statuses, err := c.transact(commands, content)
	if err != nil {
		c.abort()
		return nil, fmt.Errorf("send: %w", cause(ctx, err))
	}
	replies := make([]Reply, len(to))
	for i := range to {
		replies[i] = Reply{To: to[i], Status: statuses[i]}
	}
	return replies, nil
}

// Close says QUIT, unless the dialogue broke, and closes the connection. It
// fails only where the connection cannot be closed.
func (c *Client) Close() error {
	if c.broken.Load() {
		return nil
	}
	late := time.AfterFunc(quitTimeout, c.abort)
	defer late.Stop()
	_, _ = c.ask(1, []byte("QUIT\r\n")) // the server's word changes nothing
	if c.broken.Swap(true) {
		return nil
	}
	return c.conn.Close()
}

// abort closes the connection without a word, at any time, from any goroutine.
func (c *Client) abort() {
	c.broken.Store(true)
	c.conn.Close()
}

// ask writes p and reads so many replies meanwhile: a server may answer the
// first command before it has read the last, and wait for us to read that.
func (c *Client) ask(replies int, p []byte) ([]answer, error) {
	written := make(chan error, 1)
	go func() { written <- c.write(p) }()
	answers := make([]answer, replies)
	for i := range answers {
		var err error
		if answers[i], err = c.read(); err != nil {
			c.abort() // which ends the write
			<-written
			return nil, err
		}
	}
	return answers, <-written
}

func (c *Client) write(p []byte) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(answerTimeout)); err != nil {
		return err
	}
	_, err := c.conn.Write(p)
	return err
}

// read reads one reply. A server that said why it would hang up is quoted.
func (c *Client) read() (answer, error) {
	err := c.conn.SetReadDeadline(time.Now().Add(answerTimeout))
	if err == nil {
		var a answer
		if a, err = readAnswer(c.reader); err == nil {
			c.last = a
			return a, nil
		}
	}
	if c.last.class() >= 4 {
		err = fmt.Errorf("%w, the last reply was %w", err, c.last.status())
	}
	return answer{}, err
}

// cause prefers the end of ctx to the error that it made.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
