package lmtp

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"

	"github.com/emersion/go-smtp"

	"github.com/mmgw/mmgw/gateway"
)

// session is what go-smtp calls for each command that comes in the right order. It takes
// addresses and parameters from the guard, not from go-smtp. Each transaction gets a new
// envelope.
type session struct {
	guard    *guard
	conn     *smtp.Conn
	envelope *gateway.Envelope // of the open transaction; nil: there is none
}

func newSession(conn *smtp.Conn) (smtp.Session, error) {
	g, ok := conn.Conn().(*guard)
	if !ok {
		return nil, errors.New("the connection has no guard")
	}
	g.session = &session{guard: g, conn: conn}
	return g.session, nil
}

// client is the client that XFORWARD named, with the name of the peer itself.
func (s *session) client() gateway.Client {
	client := s.guard.client
	client.Peer = s.conn.Hostname()
	return client
}

// Reset ends the transaction, and what XFORWARD said for it.
func (s *session) Reset() {
	s.envelope = nil
	s.guard.client = gateway.Client{}
}

// Logout has nothing to free. Server.Shutdown may call it at any time.
func (s *session) Logout() error { return nil }

// Mail opens a transaction. There is one at a time (RFC 5321, section 4.1.4).
func (s *session) Mail(string, *smtp.MailOptions) error {
	c := &s.guard.command
	limit := uint64(s.guard.server.Limits.ContentBytesMax)
	switch {
	case s.envelope != nil:
		return smtpError(status(503, 5, 5, 1, "a transaction is open"))
	case c.refusal != nil:
		return smtpError(c.refusal)
	case c.mail.size > limit:
		return smtpError(tooLarge)
	}
	envelope := c.mail.envelope
	s.envelope = &envelope
	return nil
}

// Rcpt asks the Intake for a recipient.
func (s *session) Rcpt(string, *smtp.RcptOptions) error {
	to, refusal := s.guard.command.recipient, s.guard.command.refusal
	switch {
	case s.envelope == nil:
		return smtpError(status(503, 5, 5, 1, "RCPT comes after MAIL"))
	case refusal != nil:
		return smtpError(refusal)
	case !to.Path.IsASCII() && !s.envelope.SMTPUTF8:
		return smtpError(needsSMTPUTF8)
	}
	if err := s.askRecipient(to); err != nil {
		reply := refused(gateway.AsStatus(err))
		s.logFault(reply)
		return smtpError(reply)
	}
	s.envelope.Recipients = append(s.envelope.Recipients, to)
	return nil
}

// notSaid is what go-smtp believes that it replies to a content. The guard writes the
// replies that finish was given instead. It is a deferral, so that nothing is accepted
// by mistake if one is missing.
var notSaid = smtpError(gateway.Deferred(nil))

// Data hands the content to the Intake. The reader that go-smtp offers is empty. Its
// method with one result for each recipient (LMTPSession) is not used, since that would
// start a goroutine for each content: the guard knows the replies.
func (s *session) Data(io.Reader) error {
	envelope, content := s.envelope, s.guard.content()
	n := len(envelope.Recipients)
	replies := s.askMessage(envelope, content)
	fault, broken := content.take()
	switch {
	case fault != nil:
		replies = slices.Repeat([]*gateway.Status{fault}, n)
	case len(replies) != n:
		replies = slices.Repeat([]*gateway.Status{gateway.Deferred(fmt.Errorf("%d statuses for %d recipients", len(replies), n))}, n)
	}
	s.guard.finish(s.settled(replies), broken)
	return notSaid
}

// settled clamps the replies, and logs each fault once.
func (s *session) settled(replies []*gateway.Status) []*gateway.Status {
	settled := make([]*gateway.Status, len(replies))
	for i, reply := range replies {
		settled[i] = clamped(reply)
		if i == 0 || reply != replies[i-1] {
			s.logFault(settled[i])
		}
	}
	return settled
}

func (s *session) askRecipient(to gateway.Recipient) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = s.panicked(fault)
		}
	}()
	g := s.guard
	return g.server.Intake.Recipient(g.context, s.client(), s.envelope, to)
}

func (s *session) askMessage(envelope *gateway.Envelope, content io.Reader) (replies []*gateway.Status) {
	n := len(envelope.Recipients)
	defer func() {
		if fault := recover(); fault != nil {
			replies = slices.Repeat([]*gateway.Status{s.panicked(fault)}, n)
		}
	}()
	g := s.guard
	return g.server.Intake.Message(g.context, s.client(), envelope, content)
}

func (s *session) panicked(fault any) *gateway.Status {
	s.guard.server.Log.Error("panic in the intake", "panic", fmt.Sprint(fault), "stack", string(debug.Stack()))
	return gateway.Deferred(fmt.Errorf("panic: %v", fault))
}

// logFault logs the cause of a reply if it is not the client's fault.
func (s *session) logFault(reply *gateway.Status) {
	if reply.Class() == gateway.Transient && reply.Cause != nil {
		s.guard.server.Log.Warn("deferred", "peer", s.guard.RemoteAddr().String(),
			"reply", reply.Reply(), "cause", gateway.Printable(reply.Cause.Error()))
	}
}

func smtpError(s *gateway.Status) *smtp.SMTPError {
	return &smtp.SMTPError{Code: s.Code, EnhancedCode: smtp.EnhancedCode(s.Enhanced), Message: gateway.Printable(s.Text)}
}
