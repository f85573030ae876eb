package smtp

import (
	"errors"
	"fmt"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

const (
	// lastWordsTimeout is how long to wait for a reply when writing has failed: the
	// server often said why it stopped reading.
	lastWordsTimeout = time.Second

	// inlineBytesMax is the size up to which an envelope is written before its replies
	// are read: socket buffers have room for these replies. A larger envelope is written
	// while replies are read, or both ends might wait for each other to read (RFC 2920,
	// section 3.1).
	inlineBytesMax = 4 << 10
)

// run does the dialogue from MAIL to the last reply. follow returns what follows the final
// dot.
func (t *transaction) run(follow func() []byte) {
	c := t.conn
	t.limit = time.Now().Add(c.timeouts.Transaction)
	if c.Broken() {
		t.again = !t.first
		t.settleAll(transient(codeConnection, "the connection to the next hop was lost at MAIL", errUnusable))
		return
	}
	if t.envelope() && t.content(follow) {
		t.outcomes()
	}
}

// envelope sends the commands up to DATA, unless they have been sent, and reads their
// replies. It says whether the content can be sent.
func (t *transaction) envelope() bool {
	c := t.conn
	commands, wait := t.sent, func() error { return nil }
	if commands == nil {
		if c.reader.Buffered() > 0 {
			t.lose("MAIL", fmt.Errorf("%w: it spoke unasked", errReply))
			return false
		}
		commands = t.commands(c.resetDue)
		if c.Pipelines() {
			wait = t.writeAll(commands)
		}
	}
	c.resetDue = true // until the final dot
	ok := t.exchange(commands)
	if err := wait(); err != nil && ok {
		t.lose("DATA", err)
		return false
	}
	c.resetDue = t.mailed
	return ok && t.goAhead && t.ready()
}

// writeAll writes the commands as one group. Its result waits for the end of writing, and
// is called after the replies were read.
func (t *transaction) writeAll(commands []command) (wait func() error) {
	octets := group(commands)
	c, timeout := t.conn, commands[0].timeout
	if len(octets) <= inlineBytesMax {
		err := c.write(t.limit, timeout, octets)
		if err != nil {
			t.limit = earlier(t.limit, time.Now().Add(lastWordsTimeout))
		}
		return func() error { return err }
	}
	done := make(chan error, 1)
	go func() {
		err := c.write(t.limit, timeout, octets)
		if err != nil {
			_ = c.conn.SetReadDeadline(time.Now().Add(lastWordsTimeout))
		}
		done <- err
	}()
	return func() error { return <-done }
}

// exchange reads the reply to each command. Without PIPELINING it writes the commands too,
// one at a time. It returns false if the connection has ended.
func (t *transaction) exchange(commands []command) bool {
	c := t.conn
	for _, cmd := range commands {
		timeout := cmd.timeout
		if !c.Pipelines() {
			if !t.wants(cmd) {
				continue
			}
			if c.write(t.limit, timeout, []byte(cmd.line+"\r\n")) != nil {
				timeout = min(timeout, lastWordsTimeout)
			}
		}
		answer, err := c.read(t.limit, timeout)
		if err != nil {
			t.lose(cmd.verb.String(), err)
			return false
		}
		if !t.take(cmd, answer) {
			return false
		}
	}
	return true
}

// wants says whether cmd makes sense after the replies so far.
func (t *transaction) wants(cmd command) bool {
	switch cmd.verb {
	case rcpt:
		return t.mailed
	case data:
		return len(t.accepted) > 0
	}
	return true
}

// take handles the reply to a command. It returns false if the connection has ended.
func (t *transaction) take(cmd command, answer reply) bool {
	if answer.code == 421 {
		t.closing(answer)
		return false
	}
	class := answer.class()
	if cmd.verb == rset && class != 2 || class == 3 && cmd.verb != data || class == 2 && cmd.verb == data || answer.isException() {
		t.lose(cmd.verb.String(), fmt.Errorf("%w: %s", errReply, answer))
		return false
	}
	switch {
	case cmd.verb == mail && class == 2:
		t.mailed = true
	case cmd.verb == mail:
		if answer.code == 452 && !t.first {
			t.again = true
			t.conn.retired = true
		}
		t.settleAll(t.mailStatus(answer))
	case cmd.verb == rcpt && class == 2 && t.mailed:
		t.accept(cmd.recipient, answer)
	case cmd.verb == rcpt:
		t.refuse(cmd.recipient, t.conn.recipientStatus(answer))
	case cmd.verb == data && class == 3:
		t.goAhead = true
	case cmd.verb == data:
		t.settleAll(t.conn.status(answer))
	}
	t.answered = t.answered || cmd.verb != rset
	return true
}

// mailStatus is what a refused MAIL means for the recipients. For those of a callout it
// means nothing permanent: the null reverse-path is ours, not that of their mail.
func (t *transaction) mailStatus(answer reply) *gateway.Status {
	if t.callout && answer.class() == 5 {
		return unwelcome(codeProtocol, "the question whom it takes", answer)
	}
	return t.conn.status(answer)
}

// refuse settles a recipient that RCPT refused, unless it is one too many: then
// it is left for another transaction (RFC 5321, section 4.5.3.1.10).
func (t *transaction) refuse(i int, status *gateway.Status) {
	if len(t.accepted) > 0 && status.Code == 452 && (status.Enhanced == tooMany || status.Detail() == gateway.EnhancedCode{4, 0, 0}) {
		t.left[i] = true
		return
	}
	t.settle(i, status)
}

// accept adds a recipient that RCPT accepted, which settles that of a callout.
func (t *transaction) accept(i int, answer reply) {
	if t.callout {
		t.settle(i, t.conn.status(answer))
	}
	t.accepted = append(t.accepted, i)
}

// ready says whether the content can follow. A server with PIPELINING may give 354 although
// it accepted no recipient: a lone dot ends that (RFC 2920, section 3.1), to which LMTP has
// no reply.
//
// A server that has sent more than the 354 is out of step: what it sent would be taken for
// the reply to the final dot.
func (t *transaction) ready() bool {
	c := t.conn
	if c.reader.Buffered() > 0 {
		t.lose("DATA", fmt.Errorf("%w: it spoke unasked", errReply))
		return false
	}
	if len(t.accepted) > 0 {
		return true
	}
	if c.options.Protocol == LMTP {
		c.Abort()
		return false
	}
	err := c.write(t.limit, c.timeouts.Block, []byte(".\r\n"))
	if err == nil {
		_, err = c.read(t.limit, c.timeouts.Final)
	}
	if err != nil {
		t.lose("DATA", err)
	}
	return false
}

// content sends the message, as soon as there is a place among those that may have to be
// sent again after a crash. If it fails the connection is closed without a final dot, which
// is the only way to tell the server that the message is not complete.
func (t *transaction) content(follow func() []byte) bool {
	c := t.conn
	if t.counted = c.unsettled.take(c.ended); !t.counted {
		t.lose("the content", errUnusable)
		return false
	}
	err := c.writeContent(t.limit, t.body, follow)
	if err == nil {
		c.resetDue = false
		return true
	}
	if _, broken := errors.AsType[writeError](err); !broken {
		c.Abort()
		t.settleAll(gateway.Deferred(fmt.Errorf("read content: %w", err)))
		return false
	}
	if answer, err := c.read(t.limit, lastWordsTimeout); err == nil && answer.class() >= 4 {
		t.settleAll(t.conn.status(answer))
	}
	t.lose("the content", err)
	return false
}

// outcomes reads the replies to the final dot: one, or with LMTP one for each accepted
// recipient, in the order of their RCPTs (RFC 2033, section 4.2).
func (t *transaction) outcomes() {
	c := t.conn
	for _, i := range t.accepted {
		answer, err := c.read(t.limit, c.timeouts.Final)
		switch {
		case err != nil:
			t.lose("the final dot", err)
			return
		case answer.code == 421:
			t.closing(answer)
			return
		case answer.class() == 3, answer.isException():
			t.lose("the final dot", fmt.Errorf("%w: %s", errReply, answer))
			return
		}
		if c.options.Protocol != LMTP {
			t.settleAll(t.conn.status(answer))
			return
		}
		t.settle(i, c.finalStatus(answer))
	}
}
