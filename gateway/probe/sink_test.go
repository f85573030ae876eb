package probe

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
)

// listen is a listener on a port of the kernel's choice.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serveSink runs s until the test ends and returns its address.
func serveSink(t *testing.T, s *Sink) string {
	t.Helper()
	l, served := listen(t), make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

func dialSink(t *testing.T, address string) *smtp.Client {
	t.Helper()
	client, err := smtp.Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func TestSinkRecordsWhatItTakes(t *testing.T) {
	recorded := make(chan Transaction, 2)
	client := dialSink(t, serveSink(t, &Sink{Record: func(t Transaction) { recorded <- t }, KeepContent: true}))
	const content = "Subject: x\r\n\r\n.dot\r\n..\r\n"
	for _, from := range []string{"anne@example.com", ""} {
		if err := client.SendMail(from, []string{"a@example.org", "b@example.org"}, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(content))
		select {
		case got := <-recorded:
			if got.MailFrom != from || !slices.Equal(got.Rcpts, []string{"a@example.org", "b@example.org"}) ||
				got.Size != int64(len(content)) || got.SHA256 != hex.EncodeToString(sum[:]) || string(got.Content) != content {
				t.Errorf("got %+v", got)
			}
		default:
			t.Error("it was answered before it was recorded")
		}
	}
}

func TestTransactionJSON(t *testing.T) {
	got, err := json.Marshal(Transaction{MailFrom: "", Rcpts: []string{"a@b.example"}, Size: 3, SHA256: "00", Content: []byte("x\r\n")})
	if want := `{"mail_from":"","rcpts":["a@b.example"],"size":3,"sha256":"00"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestSinkFailsOnPurpose(t *testing.T) {
	var rules []Rule
	for _, text := range []string{"MAIL ^nobody@=550 5.1.8 who", "RCPT ^late=451 4.7.1 wait", "DATA ^big@=552 5.3.4 too much"} {
		rule, err := ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, rule)
	}
	recorded := make(chan Transaction, 1)
	address := serveSink(t, &Sink{Rules: rules, Record: func(t Transaction) { recorded <- t }})
	for _, test := range []struct{ from, to, want string }{
		{"nobody@example.com", "a@example.org", "550 [5 1 8] who"},
		{"anne@example.com", "late@example.org", "451 [4 7 1] wait"},
		{"big@example.com", "a@example.org", "552 [5 3 4] too much"},
	} {
		var refused *smtp.SMTPError
		err := dialSink(t, address).SendMail(test.from, []string{test.to}, strings.NewReader("x\r\n"))
		if !errors.As(err, &refused) || fmt.Sprintf("%d %v %s", refused.Code, refused.EnhancedCode, refused.Message) != test.want {
			t.Errorf("%s to %s: got %v, want %s", test.from, test.to, err, test.want)
		}
	}
	client := dialSink(t, address)
	if err := client.Mail("anne@example.com", nil); err != nil {
		t.Fatal(err)
	}
	if client.Rcpt("late@example.org", nil) == nil || client.Rcpt("a@example.org", nil) != nil {
		t.Error("one recipient is refused, the other taken")
	}
	w, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-recorded; !slices.Equal(got.Rcpts, []string{"a@example.org"}) || got.Content != nil {
		t.Errorf("recorded %+v", got)
	}
}

// converse writes text and returns all that the server says until it hangs up.
func converse(t *testing.T, address, text string, halfClose bool) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	if halfClose {
		conn.(*net.TCPConn).CloseWrite()
	}
	said, _ := io.ReadAll(conn)
	return string(said)
}

func TestSinkHangsUpAfter421(t *testing.T) {
	rule, err := ParseRule("RCPT =421 4.3.2 go away")
	if err != nil {
		t.Fatal(err)
	}
	address := serveSink(t, &Sink{Rules: []Rule{rule}})
	said := converse(t, address, "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@example.org>\r\nNOOP\r\n", false)
	if !strings.HasSuffix(said, "421 4.3.2 go away\r\n") {
		t.Errorf("it said %q", said)
	}
}

// Half a message is none, by DATA and by BDAT; a whole one is the control.
func TestSinkTakesNoHalfMessage(t *testing.T) {
	recorded := make(chan Transaction, 3)
	address := serveSink(t, &Sink{Record: func(t Transaction) { recorded <- t }})
	const envelope = "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@example.org>\r\n"
	for _, test := range []struct {
		text     string
		recorded int
	}{{"DATA\r\nx\r\n", 0}, {"DATA\r\nx\r\n.\r\n", 1}, {"BDAT 9 LAST\r\nx\r\n", 0}, {"BDAT 3 LAST\r\nx\r\n", 1}} {
		converse(t, address, envelope+test.text, true)
		if len(recorded) != test.recorded {
			t.Errorf("%q: recorded %d, want %d", test.text, len(recorded), test.recorded)
		}
		for len(recorded) > 0 {
			<-recorded
		}
	}
}

func TestSinkClose(t *testing.T) {
	sink := new(Sink)
	client := dialSink(t, serveSink(t, sink))
	if err := client.Noop(); err != nil {
		t.Fatal(err)
	}
	sink.Close()
	if client.Noop() == nil {
		t.Error("a connection outlived Close")
	}
	if err := sink.Serve(listen(t)); err != nil {
		t.Errorf("Serve after Close: %v", err)
	}
	if err := sink.Close(); err != nil {
		t.Error(err)
	}
}

func TestQuotesComeBack(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"anne@example.com":    "anne@example.com",
		"odd one@example.com": `"odd one"@example.com`,
		`a"b\c@d@example.com`: `"a\"b\\c@d"@example.com`,
		"no address":          "no address",
		"control\x01@x.org":   "control\x01@x.org",
	} {
		if got := quoted(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
