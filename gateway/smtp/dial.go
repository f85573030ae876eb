package smtp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Dial connects to address on network "tcp" or "unix" and prepares the
// connection as NewConn does. Errors are *gateway.Status of class Transient.
func Dial(ctx context.Context, network, address string, o Options) (*Conn, error) {
	dial := o.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	connecting, cancel := context.WithTimeout(ctx, o.Timeouts.Defaults().Connect)
	defer cancel()
	conn, err := dial(connecting, network, address)
	if err != nil {
		return nil, transient(codeNoAnswer, "the next hop cannot be reached", err)
	}
	if o.TLS == nil {
		o.TLS = new(tls.Config)
	}
	if host, _, err := net.SplitHostPort(address); err == nil && o.TLS.ServerName == "" {
		o.TLS = o.TLS.Clone()
		o.TLS.ServerName = host
	}
	return NewConn(ctx, conn, o)
}

// NewConn takes over conn: it reads the greeting, sends EHLO or LHLO, and does STARTTLS
// and AUTH as o says. Errors are *gateway.Status of class Transient, whatever the server
// said, and conn is then closed. NewConn fails when ctx ends.
func NewConn(ctx context.Context, conn net.Conn, o Options) (*Conn, error) {
	c := &Conn{
		base:      conn,
		conn:      conn,
		options:   o,
		timeouts:  o.Timeouts.Defaults(),
		unsettled: make(places, unsettledMax),
		ended:     make(chan struct{}),
	}
	c.end = sync.OnceFunc(func() { close(c.ended) })
	c.reader = bufio.NewReader(waiting{c})
	stop := context.AfterFunc(ctx, c.Abort)
	defer stop()
	if err := c.open(ctx); err != nil {
		c.Abort()
		if status, ok := errors.AsType[*gateway.Status](err); ok {
			return nil, status
		}
		return nil, transient(codeConnection, "the connection to the next hop failed before MAIL", cause(ctx, err))
	}
	return c, nil
}

// cause is the error of ctx if it has ended, since that is what made err.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// open does all that comes before the first MAIL.
func (c *Conn) open(ctx context.Context) error {
	if err := c.checkHostname(); err != nil {
		return err
	}
	if c.options.Security == ImplicitTLS {
		if err := c.handshake(ctx); err != nil {
			return err
		}
	}
	if err := c.greeting(); err != nil {
		return err
	}
	if err := c.hello(); err != nil {
		return err
	}
	if c.options.Security == StartTLS {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	}
	if c.options.User != "" {
		return c.authenticate()
	}
	return nil
}

// checkHostname fills in the name for EHLO, and refuses one that is not valid, since it
// goes into a command.
func (c *Conn) checkHostname() error {
	if c.options.Hostname == "" {
		c.options.Hostname = literal(c.conn.LocalAddr())
	}
	if _, err := gateway.ParseForwardPath("x@" + c.options.Hostname); err != nil {
		return gateway.Deferred(fmt.Errorf("the host name for EHLO: %w", err))
	}
	return nil
}

// literal is the address literal of one end of a connection.
func literal(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case tcp.IP.To4() != nil:
		return "[" + tcp.IP.To4().String() + "]"
	}
	return "[IPv6:" + tcp.IP.String() + "]"
}

func (c *Conn) greeting() error {
	answer, err := c.read(time.Now().Add(c.timeouts.Greeting), c.timeouts.Greeting)
	if err != nil {
		return transient(codeNoAnswer, "the next hop did not greet", err)
	}
	if answer.class() != 2 {
		return unwelcome(codeNoAnswer, "the connection", answer)
	}
	return nil
}

// hello sends LHLO or EHLO and reads what the server offers. An SMTP server that does not
// know EHLO gets HELO, and then offers nothing.
func (c *Conn) hello() error {
	verb := "EHLO "
	if c.options.Protocol == LMTP {
		verb = "LHLO "
	}
	answer, err := c.ask(c.timeouts.Hello, verb+c.options.Hostname)
	if err == nil && answer.class() == 5 && c.options.Protocol != LMTP && c.options.Security != StartTLS {
		verb = "HELO "
		answer, err = c.ask(c.timeouts.Hello, verb+c.options.Hostname)
		answer.lines = answer.lines[:min(len(answer.lines), 1)]
	}
	switch {
	case err != nil:
		return err
	case answer.class() != 2:
		return unwelcome(codeConnection, strings.TrimSpace(verb), answer)
	}
	c.host = c.nameOf(answer)
	c.extensions = parseExtensions(answer)
	c.mailsMax = c.limit("MAILMAX")
	return nil
}

// nameOf is the name of a server in its reply to EHLO, or the literal of its address if
// that is not a name.
func (c *Conn) nameOf(answer reply) string {
	name, _, _ := strings.Cut(answer.lines[0], " ")
	if _, err := gateway.ParseForwardPath("x@" + name); err != nil {
		return literal(c.conn.RemoteAddr())
	}
	return name
}

// parseExtensions reads the lines of an EHLO reply after the first. The case of keywords
// does not matter (RFC 5321, section 4.1.1.1).
func parseExtensions(answer reply) map[string]string {
	extensions := make(map[string]string)
	for i, line := range answer.lines {
		if i == 0 {
			continue
		}
		keyword, parameters, _ := strings.Cut(strings.TrimSpace(line), " ")
		extensions[strings.ToUpper(keyword)] = strings.TrimSpace(parameters)
	}
	return extensions
}
