package probe

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/mmgw/mmgw/gateway"
)

// mailbox is go-smtp's LMTP server: it refuses "no..." and defers "later...",
// and hangs up on message hangUpAt, counted from 1.
type mailbox struct {
	hangUpAt int

	mu       sync.Mutex
	conns    int
	mails    int
	contents [][]byte
}

func (m *mailbox) NewSession(c *smtp.Conn) (smtp.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns++
	return &mailboxSession{mailbox: m, conn: c}, nil
}

type mailboxSession struct {
	*mailbox
	conn *smtp.Conn
	late []string // recipients to defer
}

func (s *mailboxSession) Reset()        { s.late = nil }
func (s *mailboxSession) Logout() error { return nil }

func (s *mailboxSession) Mail(string, *smtp.MailOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mails++; s.mails == s.hangUpAt {
		s.conn.Conn().Close()
	}
	return nil
}

func (s *mailboxSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "no") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	if strings.HasPrefix(to, "later") {
		s.late = append(s.late, to)
	}
	return nil
}

func (s *mailboxSession) Data(io.Reader) error { panic("LMTPData is called instead") }

func (s *mailboxSession) LMTPData(r io.Reader, status smtp.StatusCollector) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contents = append(s.contents, content)
	for _, to := range s.late {
		status.SetStatus(to, &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "later"})
	}
	return nil
}

func serveMailbox(t *testing.T, m *mailbox) string {
	t.Helper()
	l, err := net.Listen("unix", t.TempDir()+"/lmtp")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(m)
	server.LMTP = true
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	return "unix:" + l.Addr().String()
}

var loadTo = []gateway.ForwardPath{"yes@example.org", "no@example.org", "later@example.org", "yes@example.org"}

func TestLoad(t *testing.T) {
	m := new(mailbox)
	var progress []int
	load := Load{
		Address: serveMailbox(t, m), From: "anne@example.com", To: loadTo, Count: 50, Sessions: 4, SizeBytes: 5000,
		Progress: func(done int) { progress = append(progress, done) },
	}
	s, err := load.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Sent != 50 || s.Accepted != 100 || s.Rejected != 50 || s.Deferred != 50 || s.Failed != 0 {
		t.Errorf("got %+v", s)
	}
	if s.PerSecond <= 0 || s.P50Ms <= 0 || s.P99Ms < s.P50Ms {
		t.Errorf("times: %+v", s)
	}
	if m.conns > 4 {
		t.Errorf("%d connections for 4 sessions", m.conns)
	}
	for i, done := range progress {
		if done != i+1 {
			t.Fatalf("progress: %v", progress)
		}
	}
	checkMessages(t, m.contents, 5000)
}

// checkMessages holds generated messages against RFC 5322.
func checkMessages(t *testing.T, contents [][]byte, size int) {
	t.Helper()
	seen := map[string]bool{}
	for _, content := range contents {
		if diff := size - len(content); diff < -80 || diff > 80 {
			t.Errorf("%d octets, about %d were asked for", len(content), size)
		}
		for line := range bytes.SplitSeq(content, []byte("\r\n")) {
			if len(line) > 78 || bytes.ContainsAny(line, "\r\n") {
				t.Errorf("the line %q", line)
			}
		}
		message, err := mail.ReadMessage(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := message.Header.Date(); err != nil {
			t.Error(err)
		}
		if to, err := message.Header.AddressList("To"); err != nil || len(to) != len(loadTo) {
			t.Errorf("To: %v, %v", to, err)
		}
		if from := message.Header.Get("From"); from != "anne@example.com" || message.Header.Get("Subject") == "" {
			t.Errorf("From: %s", from)
		}
		id := message.Header.Get("Message-ID")
		if seen[id] || id == "" {
			t.Errorf("%q stands in two messages", id)
		}
		seen[id] = true
	}
}

// A connection that breaks costs one message, and is named.
func TestLoadGoesOn(t *testing.T) {
	m := &mailbox{hangUpAt: 3}
	s, err := Load{Address: serveMailbox(t, m), To: loadTo[:1], Count: 10}.Run(t.Context())
	if err == nil || s.Sent != 9 || s.Accepted != 9 || s.Failed != 1 || m.conns != 2 {
		t.Errorf("got %+v, %v over %d connections", s, err, m.conns)
	}
}

func TestLoadEnds(t *testing.T) {
	if s, err := (Load{Address: "unix:" + t.TempDir() + "/none", To: loadTo, Count: 1000, Sessions: 3}).Run(t.Context()); err == nil || s.Sent+s.Failed > 0 {
		t.Errorf("nobody listens: %+v, %v", s, err)
	}
	if _, err := (Load{To: []gateway.ForwardPath{"anne"}}).Run(t.Context()); err == nil {
		t.Error("a text that is no address was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	load := Load{Address: serveMailbox(t, new(mailbox)), To: loadTo[:1], Count: 1000, Progress: func(int) { cancel() }}
	if s, err := load.Run(ctx); err == nil || s.Sent == 0 || s.Sent > 2 {
		t.Errorf("cancelled: %+v, %v", s, err)
	}
}

func TestPercentile(t *testing.T) {
	for _, test := range []struct {
		sorted []float64
		p      float64
		want   float64
	}{{nil, 50, 0}, {[]float64{7}, 99, 7}, {[]float64{1, 2}, 50, 1}, {[]float64{1, 2, 3}, 50, 2}, {[]float64{1, 2, 3}, 99, 3}} {
		if got := percentile(test.sorted, test.p); got != test.want {
			t.Errorf("percentile %v of %v: %v", test.p, test.sorted, got)
		}
	}
}
