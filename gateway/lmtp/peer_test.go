package lmtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/mmgw/mmgw/gateway"
)

// pipes is a listener whose connections are net.Pipes, fit for synctest.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Dial() net.Conn {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
	case <-p.closed:
		server.Close()
	}
	return client
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// serve runs server on pipes until the test ends.
func serve(t testing.TB, server *Server) *pipes {
	t.Helper()
	p := newPipes()
	done := make(chan error, 1)
	go func() { done <- server.Serve(p) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return p
}

// desk is an Intake that writes down what it accepts. The local part of a
// recipient says what becomes of it.
type desk struct {
	mu       sync.Mutex
	accepted []string // "from=<a> to=<b> client=... content"
	broken   []string // errors of contents
	discard  bool     // keep nothing: for benchmarks
}

func (d *desk) Recipient(_ context.Context, _ gateway.Client, _ *gateway.Envelope, to gateway.Recipient) error {
	switch local, _, _ := strings.Cut(to.Path.Local(), "-"); local {
	case "unknown":
		return status(550, 5, 1, 1, "no such list")
	case "busy":
		return status(451, 4, 2, 1, "busy")
	case "fault":
		return errors.New("disk on fire")
	case "liar": // an error that looks like a success
		return status(250, 2, 0, 0, "fine")
	case "terminal":
		return status(550, 4, 7, 1, "a\r\n250 2.0.0 accepted\x1b[31m\x00é")
	case "panic":
		panic("at RCPT")
	}
	return nil
}

func (d *desk) Message(_ context.Context, client gateway.Client, e *gateway.Envelope, content io.Reader) []*gateway.Status {
	if d.discard {
		io.Copy(io.Discard, content)
		return slices.Repeat([]*gateway.Status{gateway.Accepted}, len(e.Recipients))
	}
	for _, to := range e.Recipients {
		switch to.Path.Local() {
		case "early": // without a look at the content
			return slices.Repeat([]*gateway.Status{status(554, 5, 7, 1, "not this")}, len(e.Recipients))
		case "short":
			return nil
		case "hold": // in a goroutine that is given up
			go io.Copy(io.Discard, content)
			return slices.Repeat([]*gateway.Status{status(451, 4, 3, 2, "too slow")}, len(e.Recipients))
		}
	}
	text, err := io.ReadAll(content)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.broken = append(d.broken, err.Error())
		return slices.Repeat([]*gateway.Status{gateway.Accepted}, len(e.Recipients)) // the server must know better
	}
	replies, taken := d.decide(e)
	if len(taken) > 0 {
		line := fmt.Sprintf("from=%v to=%v %q", e.ReversePath, strings.Join(taken, ","), text)
		if client != (gateway.Client{Peer: client.Peer}) {
			line += fmt.Sprintf(" peer=%s client=%v,%s,%s", client.Peer, client.Addr, client.Name, client.Helo)
		}
		d.accepted = append(d.accepted, line+parameters(e))
	}
	return replies
}

func (d *desk) decide(e *gateway.Envelope) (replies []*gateway.Status, taken []string) {
	for i, to := range e.Recipients {
		local, _, _ := strings.Cut(to.Path.Local(), "-")
		switch local {
		case "bounce":
			replies = append(replies, status(554, 5, 6, 0, fmt.Sprintf("refused %d", i)))
		case "later":
			replies = append(replies, status(451, 4, 2, 1, fmt.Sprintf("later %d", i)))
		case "class": // 2.x.x on a failure
			replies = append(replies, status(550, 2, 1, 5, "wrong class"))
		case "goodbye":
			replies = append(replies, status(421, 4, 3, 2, "that is not yours to say"))
		case "nonsense":
			replies = append(replies, status(354, 0, 0, 0, "go on"))
		case "nil":
			replies = append(replies, nil)
		case "explode":
			panic("in Message")
		default:
			replies = append(replies, status(250, 2, 0, 0, fmt.Sprintf("accepted %d", i)))
			taken = append(taken, to.Path.String())
		}
	}
	return replies, taken
}

// parameters spells what MAIL and RCPT said beside the paths.
func parameters(e *gateway.Envelope) string {
	var b strings.Builder
	if e.BodyType != "" {
		fmt.Fprintf(&b, " body=%s", e.BodyType)
	}
	if e.SMTPUTF8 {
		b.WriteString(" smtputf8")
	}
	if e.EnvelopeID != "" || e.Return != "" {
		fmt.Fprintf(&b, " envid=%q ret=%s", e.EnvelopeID, e.Return)
	}
	for _, to := range e.Recipients {
		if to.Original != "" || to.Notify != 0 {
			fmt.Fprintf(&b, " orcpt=%s notify=%d", to.Original, to.Notify)
		}
	}
	return b.String()
}

func (d *desk) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accepted = append(d.accepted, line)
}

func (d *desk) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := d.accepted
	d.accepted = nil
	return taken
}

// bare is go-smtp without the guard, as a control: what it makes of the same
// octets. It accepts everything that it believes to be a message.
func bare(t testing.TB, d *desk, limits Limits) *pipes {
	p := newPipes()
	serveBare(t, d, limits, p)
	return p
}

func serveBare(t testing.TB, d *desk, limits Limits, listener net.Listener) *smtp.Server {
	t.Helper()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &bareSession{desk: d}, nil
	}))
	server.LMTP = true
	server.Domain = "bare.test"
	server.ReadTimeout = limits.IdleTimeout
	server.MaxMessageBytes = limits.ContentBytesMax
	server.ErrorLog = errorLog{newLog(io.Discard)}
	done := make(chan struct{})
	go func() { server.Serve(listener); close(done) }()
	t.Cleanup(func() { server.Close(); <-done })
	return server
}

type bareSession struct {
	desk    *desk
	reading atomic.Bool

	mu   sync.Mutex // go-smtp calls Reset beside Data
	from string
	to   []string
}

func (s *bareSession) Reset() {
	if s.reading.Load() {
		s.desk.note("reset inside a content")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from, s.to = "", nil
}

func (s *bareSession) Logout() error { return nil }
func (s *bareSession) Mail(from string, _ *smtp.MailOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from = from
	return nil
}

func (s *bareSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = append(s.to, to)
	return nil
}

func (s *bareSession) Data(r io.Reader) error {
	if s.desk.discard {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	s.reading.Store(true)
	defer s.reading.Store(false)
	s.mu.Lock()
	from, to := s.from, s.to
	s.mu.Unlock()
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.desk.note(fmt.Sprintf("from=<%s> to=<%s> %q", from, strings.Join(to, ">,<"), text))
	return nil
}
