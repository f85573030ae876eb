package lmtp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

const (
	// commandsMax is how many commands a client may give without a content, not
	// counting one RCPT for each recipient that a message may have. Probing an
	// address takes three.
	commandsMax = 1000

	// badCommandsMax is how many of these may be unknown or malformed.
	badCommandsMax = 20
)

// phase is the phase of the dialogue.
type phase int

const (
	inCommands phase = iota
	inContent        // after 354, while the content is being read
	inReplies        // the replies to the content are being written
	isOver           // nothing more will be read
)

// endOfContent is all that go-smtp sees of any content.
const endOfContent = ".\r\n"

// guard is the net.Conn that go-smtp talks to. Each Read gives it one command, which the
// guard has made from one that it has checked. Each Write is one line of a reply, which
// the guard may word differently. Everything except Close happens in one goroutine.
type guard struct {
	net.Conn
	server  *Server
	link    *link
	context context.Context // ends with the connection
	cancel  context.CancelFunc
	close   sync.Once

	refusal *gateway.Status // said in place of the greeting; nil: the connection is admitted
	phase   phase
	session *session       // since LHLO
	client  gateway.Client // of the next transaction, from XFORWARD

	command  command // the one that go-smtp is handling
	shown    []byte  // what go-smtp has not read yet
	commands int     // since the last content
	bad      int     // since the last content

	replies []*gateway.Status // to the last content, not written yet
	first   bool              // none of them is written yet
	broken  bool              // the end of that content was not found: nothing after it can be trusted
}

func newGuard(s *Server, conn net.Conn) *guard {
	g := &guard{Conn: conn, server: s, link: newLink(conn, s.Limits.IdleTimeout)}
	g.context, g.cancel = context.WithCancel(s.context)
	return g
}

// Close may be called at any time and from any goroutine.
func (g *guard) Close() error {
	var err error
	g.close.Do(func() {
		g.server.forget(g)
		g.cancel()
		err = g.Conn.Close()
	})
	return err
}

// Read gives go-smtp its next command. Its only error is io.EOF, at which go-smtp closes
// the connection and writes nothing.
func (g *guard) Read(p []byte) (int, error) {
	if len(g.shown) == 0 {
		if err := g.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, g.shown)
	g.shown = g.shown[n:]
	return n, nil
}

// next reads commands until there is one for go-smtp, and answers the others.
func (g *guard) next() error {
	if g.phase == isOver || g.broken {
		return g.hangUp(nil)
	}
	g.phase = inCommands
	for {
		g.link.within(g.server.Limits.IdleTimeout, !g.inTransaction())
		switch {
		case g.link.leaving():
			return g.hangUp(shuttingDown)
		case g.bad >= badCommandsMax:
			return g.hangUp(status(421, 4, 7, 0, "too many bad commands"))
		}
		line, err := g.link.line()
		if err != nil {
			return g.hangUp(g.lineFault(err))
		}
		if g.commands++; g.commands > commandsMax+g.server.Limits.RecipientsMax {
			return g.hangUp(status(421, 4, 7, 0, "too many commands without a message"))
		}
		g.command = parseCommand(string(line), g.server.Hostname)
		switch {
		case g.command.shown != "":
			g.shown = []byte(g.command.shown)
			return nil
		case g.command.last:
			return g.hangUp(g.command.refusal)
		}
		g.answer()
	}
}

// answer replies to a command that go-smtp does not see.
func (g *guard) answer() {
	reply := g.command.refusal
	if reply == nil {
		reply = g.xforward(g.command.arg)
	}
	g.say(replyLine(reply))
}

// say queues a reply, and counts it if the command was a bad one.
func (g *guard) say(line string) error {
	switch line[:3] {
	case "500", "501", "502", "555":
		g.bad++
	}
	_, err := g.link.out.WriteString(plain(line))
	return err
}

// lineFault is the last reply to a client that did not send a proper line, nil if the
// client is gone.
func (g *guard) lineFault(err error) *gateway.Status {
	switch {
	case errors.Is(err, errDraining), g.link.leaving():
		return shuttingDown
	case isTimeout(err):
		return status(421, 4, 4, 2, "no command for too long")
	case errors.Is(err, errLineTooLong):
		return status(500, 5, 5, 6, "command line too long")
	case errors.Is(err, errBareLF):
		return status(500, 5, 5, 2, "a command ends with CR LF")
	}
	return nil
}

// hangUp writes a last reply, if there is one, and ends the dialogue.
func (g *guard) hangUp(last *gateway.Status) error {
	g.phase = isOver
	if last != nil {
		g.server.Log.Info("connection ended", "peer", g.RemoteAddr().String(), "reply", last.Reply())
		g.say(replyLine(last))
	}
	if g.link.out.Flush() == nil && last != shuttingDown && g.refusal == nil {
		g.link.linger()
	}
	return io.EOF
}

// Write takes one line of a reply from go-smtp.
func (g *guard) Write(p []byte) (int, error) {
	var err error
	if g.phase == inReplies {
		err = g.writeStatus()
	} else {
		err = g.writeReply(string(bytes.TrimRight(p, "\r\n")))
	}
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (g *guard) writeReply(line string) error {
	if g.refusal != nil {
		g.phase = isOver
		return g.say(replyLine(g.refusal))
	}
	words := g.words(line)
	if words == "" {
		return nil
	}
	if err := g.say(words); err != nil {
		return err
	}
	switch line[:3] {
	case "354":
		g.phase = inContent
		return g.link.out.Flush()
	case "221", "421": // go-smtp closes after them
		return g.link.out.Flush()
	}
	return nil
}

// writeStatus writes the reply for the next recipient: what the session gave to finish,
// not what go-smtp wanted to write.
func (g *guard) writeStatus() error {
	if g.server.ReplyPause > 0 && !g.first {
		if err := g.link.out.Flush(); err != nil {
			return err
		}
		select {
		case <-time.After(g.server.ReplyPause):
		case <-g.context.Done():
		}
	}
	g.first = false
	reply := gateway.Deferred(nil)
	if len(g.replies) > 0 {
		reply, g.replies = g.replies[0], g.replies[1:]
	}
	return g.say(replyLine(reply))
}

// content begins the content that go-smtp asked for.
func (g *guard) content() *content {
	g.link.within(g.server.Limits.ContentTimeout, false)
	return &content{
		in:        g.link.in,
		bytesMax:  g.server.Limits.ContentBytesMax,
		strict:    g.server.BareNewlineRefused,
		lineStart: true,
	}
}

// finish sets the replies to the content that was read. After a broken one the dialogue
// cannot go on.
func (g *guard) finish(replies []*gateway.Status, broken bool) {
	g.replies, g.first = replies, true
	g.commands, g.bad = 0, 0
	g.broken = broken
	g.shown = []byte(endOfContent)
	g.phase = inReplies
}

func (g *guard) inTransaction() bool {
	return g.session != nil && g.session.envelope != nil
}
