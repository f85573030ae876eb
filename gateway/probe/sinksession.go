package probe

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/emersion/go-smtp"

	"github.com/mmgw/mmgw/gateway"
)

// sinkSession is one connection of a Sink, as go-smtp sees it.
type sinkSession struct {
	sink *Sink
	conn *sinkConn

	mu    sync.Mutex // a content that comes by BDAT is read beside the commands
	from  string
	rcpts []string
}

func (s *sinkSession) Logout() error { return nil }

func (s *sinkSession) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from, s.rcpts = "", nil
}

func (s *sinkSession) transaction() Transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Transaction{MailFrom: s.from, Rcpts: s.rcpts}
}

func (s *sinkSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = quoted(from)
	return s.refuse("MAIL", s.from)
}

// quoted gives the local part of an address back the quotes that go-smtp took
// off, where it needs them.
func quoted(address string) string {
	if _, err := gateway.ParseReversePath(address); err == nil {
		return address
	}
	at := max(strings.LastIndexByte(address, '@'), 0)
	text := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(address[:at])
	if _, err := gateway.ParseForwardPath(`"` + text + `"` + address[at:]); err != nil {
		return address
	}
	return `"` + text + `"` + address[at:]
}

func (s *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	to = quoted(to)
	if err := s.refuse("RCPT", to); err != nil {
		return err
	}
	s.rcpts = append(s.rcpts, to)
	return nil
}

// Data reads the content to its end, whatever is answered then.
func (s *sinkSession) Data(r io.Reader) error {
	t := s.transaction()
	digest, kept := sha256.New(), new(bytes.Buffer)
	w := io.Writer(digest)
	if s.sink.KeepContent {
		w = io.MultiWriter(digest, kept)
	}
	var err error
	if t.Size, err = io.Copy(w, r); err != nil {
		return err // go-smtp's own, and it looks for that: no wrapping
	}
	if s.conn.hangUp.Load() {
		return net.ErrClosed // commands that were read before the 421 went out
	}
	if err := s.refuse("DATA", t.MailFrom); err != nil {
		return err
	}
	t.SHA256 = hex.EncodeToString(digest.Sum(nil))
	if s.sink.KeepContent {
		t.Content = kept.Bytes()
	}
	if !s.sink.record(t) {
		return s.reply(&gateway.Status{Code: 421, Enhanced: gateway.EnhancedCode{4, 3, 2}, Text: "the sink is closed"})
	}
	return nil
}

// refuse is the reply of the rule for verb and address, nil where none is.
func (s *sinkSession) refuse(verb, address string) error {
	if status := refusal(s.sink.Rules, verb, address); status != nil {
		return s.reply(status)
	}
	return nil
}

// reply is status in the words of go-smtp.
func (s *sinkSession) reply(status *gateway.Status) error {
	if status.Code == 421 {
		s.conn.hangUp.Store(true)
	}
	return &smtp.SMTPError{Code: status.Code, EnhancedCode: smtp.EnhancedCode(status.Enhanced), Message: status.Text}
}
