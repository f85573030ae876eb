package smtp

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// A transcript is a dialogue in a file of testdata, played to a Conn:
//
//	#                 a comment
//	lmtp, utf8, eight options of the connection or the envelope
//	from A, to A      the delivery
//	xverp DELIMITERS  of the delivery
//	content C         Go-quoted
//	send              end of one delivery; its statuses follow as "= ..." lines
//	C: line           the client writes a line, as the first of a write
//	C+ line           a further line of the same write
//	S: line           the server says
//	S+ line           a further line of the same write
//	hang              the server neither reads nor writes any more
//	drop              the server closes the connection
//	= status          what a recipient gets: the start of Status.Reply, or "again" for none
//	usable            what Usable says at the end of the last delivery
type transcript struct {
	name       string
	options    Options
	deliveries []*exchanged
	lines      []string // C:, C+, S:, hang, drop
}

type exchanged struct {
	delivery *gateway.Delivery
	content  gateway.Bytes
	want     []string
	usable   bool
}

func readTranscript(t *testing.T, name string) *transcript {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	script := &transcript{name: name}
	script.options.Hostname = "us.example"
	now := newExchanged()
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "", "#":
		case "lmtp":
			script.options.Protocol = LMTP
		case "utf8":
			now.delivery.Envelope.SMTPUTF8 = true
		case "eight":
			now.delivery.Envelope.BodyType = gateway.Body8BitMIME
		case "login":
			script.options.User, script.options.Password = "user", "secret"
		case "starttls":
			script.options.Security = StartTLS
		case "from":
			now.delivery.ReversePath = gateway.ReversePath(rest)
		case "xverp":
			now.delivery.XVERP = rest
		case "to":
			now.delivery.Recipients = append(now.delivery.Recipients, gateway.Recipient{Path: gateway.ForwardPath(rest)})
		case "notify":
			last := &now.delivery.Recipients[len(now.delivery.Recipients)-1]
			last.Notify, last.Original = gateway.NotifyFailure|gateway.NotifyDelay, rest
			now.delivery.Envelope.EnvelopeID, now.delivery.Envelope.Return = "a+b", gateway.ReturnHeaders
		case "content":
			var s string
			if _, err := fmt.Sscanf(rest, "%q", &s); err != nil {
				t.Fatalf("%s: %q: %v", name, line, err)
			}
			now.content = gateway.Bytes(s)
		case "send":
			script.deliveries = append(script.deliveries, now)
			now = newExchanged()
		case "=", "usable":
			last := script.deliveries[len(script.deliveries)-1]
			last.usable = last.usable || word == "usable"
			if word == "=" {
				last.want = append(last.want, rest)
			}
		case "C:", "C+", "S:", "S+", "hang", "drop":
			script.lines = append(script.lines, line)
		default:
			t.Fatalf("%s: what is %q?", name, line)
		}
	}
	return script
}

func newExchanged() *exchanged {
	return &exchanged{
		delivery: &gateway.Delivery{ReversePath: "list-bounces@us.example"},
		content:  gateway.Bytes("Subject: x\r\n\r\nbody\r\n"),
	}
}

// peer plays the server's side of a dialogue, strictly.
type peer struct {
	conn    net.Conn
	pending []byte // the rest of the last write of the client
}

// play returns what went otherwise than written, nil for nothing.
func (p *peer) play(lines []string) error {
	for i, line := range lines {
		var err error
		switch {
		case line == "hang":
			return nil
		case line == "drop":
			return p.conn.Close()
		case strings.HasPrefix(line, "S: "):
			if len(p.pending) > 0 {
				return fmt.Errorf("the client wrote %q before the reply to it", p.pending)
			}
			text := line[3:] + "\r\n"
			for _, next := range lines[i+1:] {
				more, ok := strings.CutPrefix(next, "S+ ")
				if !ok {
					break
				}
				text += more + "\r\n"
			}
			_, err = p.conn.Write([]byte(text))
		case strings.HasPrefix(line, "S+ "):
		default:
			err = p.expect(strings.TrimPrefix(line[2:], " "), line[1] == ':')
		}
		if err != nil {
			return fmt.Errorf("line %d, %q: %w", i+1, line, err)
		}
	}
	return nil
}

// expect reads one line and compares it. first says that it must be the first
// of a write.
func (p *peer) expect(want string, first bool) error {
	if first && len(p.pending) > 0 {
		return fmt.Errorf("%q came in the write before", p.pending)
	}
	if !first && len(p.pending) == 0 {
		return fmt.Errorf("not in the same write")
	}
	for !bytes.Contains(p.pending, []byte("\r\n")) {
		buffer := make([]byte, 256<<10)
		if err := p.conn.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			return err
		}
		n, err := p.conn.Read(buffer)
		if err != nil {
			return err
		}
		p.pending = append(p.pending, buffer[:n]...)
	}
	line, rest, _ := bytes.Cut(p.pending, []byte("\r\n"))
	p.pending = rest
	if string(line) != want {
		return fmt.Errorf("got %q", line)
	}
	return nil
}
