package smtp

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/mmgw/mmgw/gateway"
)

// A server of other hands as the peer: go-smtp, over TCP, by SMTP and LMTP.
func TestRealServer(t *testing.T) {
	for _, protocol := range []Protocol{SMTP, LMTP} {
		t.Run(string(protocol), func(t *testing.T) {
			backend := &mailbox{}
			address := serveGoSMTP(t, backend, protocol == LMTP)
			conn, err := Dial(t.Context(), "tcp", address, Options{Protocol: protocol, Hostname: "us.example"})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			content := gateway.Bytes("Subject: dots\r\n\r\n.\r\n..\r\n" + strings.Repeat("long ", 300) + "\r\n")
			for range 3 {
				d := deliveryTo(3)
				d.Recipients[1].Path = "gone@example.com"
				d.Recipients = append(d.Recipients, d.Recipients[0])
				statuses, again := sent(conn, d, content)
				got := ""
				for _, status := range statuses {
					got += status.Reply()[:9] + ","
				}
				if want := "250 2.0.0,550 5.1.1,250 2.0.0,250 2.0.0,"; got != want || again || !conn.Usable() {
					t.Fatalf("%s, again %v", got, again)
				}
			}
			for _, got := range backend.messages {
				if got != string(content) {
					t.Errorf("the content arrived as %q", got)
				}
			}
			if len(backend.messages) != 3 {
				t.Errorf("%d messages", len(backend.messages))
			}
		})
	}
}

func serveGoSMTP(t testing.TB, backend *mailbox, lmtp bool) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := gosmtp.NewServer(backend)
	server.LMTP, server.Domain, server.MaxLineLength = lmtp, "them.example", 1<<20
	var group sync.WaitGroup
	group.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		server.Close()
		group.Wait()
	})
	return listener.Addr().String()
}

// mailbox keeps what it gets.
type mailbox struct {
	mu       sync.Mutex
	messages []string
	discard  bool
}

func (m *mailbox) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return m, nil }
func (m *mailbox) Reset()                                          {}
func (m *mailbox) Logout() error                                   { return nil }
func (m *mailbox) Mail(string, *gosmtp.MailOptions) error          { return nil }

func (m *mailbox) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	if strings.HasPrefix(to, "gone") {
		return &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "gone"}
	}
	return nil
}

func (m *mailbox) Data(r io.Reader) error {
	if m.discard {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	text, err := io.ReadAll(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.messages = append(m.messages, string(text))
	return err
}

func TestDialRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	_, err = Dial(t.Context(), "tcp", listener.Addr().String(), Options{})
	var status *gateway.Status
	if !errors.As(err, &status) || status.Class() != gateway.Transient || status.Enhanced != codeNoAnswer {
		t.Errorf("%v", err)
	}
}
