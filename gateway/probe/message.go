package probe

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// fillerLine is a line of a generated body, 72 octets with its line end.
const fillerLine = "The quick brown fox jumps over the lazy dog, and the dog sleeps on it.\r\n"

// messages makes the messages of one run of a Load. They differ in Message-ID,
// Subject and Date, so that no two have the same octets.
type messages struct {
	from, to string // of the header fields
	run      string // random, the same for all messages of a run
	body     []byte
}

// newMessages prepares messages of about size octets, at least a header and
// one line.
func newMessages(from gateway.ReversePath, to []gateway.ForwardPath, size int) *messages {
	paths := make([]string, len(to))
	for i, path := range to {
		paths[i] = string(path)
	}
	m := &messages{from: cmp.Or(string(from), "MAILER-DAEMON@localhost"), to: strings.Join(paths, ",\r\n "), run: strings.ToLower(rand.Text())}
	lines := (size - len(m.message(0, time.Now()))) / len(fillerLine)
	m.body = bytes.Repeat([]byte(fillerLine), max(lines, 1))
	return m
}

// message is the n-th message, written at now (RFC 5322, section 3.6).
func (m *messages) message(n int, now time.Time) []byte {
	header := fmt.Sprintf("From: %s\r\nTo: %s\r\nDate: %s\r\nSubject: Load, message %d\r\nMessage-ID: <%d.%s@load.invalid>\r\n\r\n",
		m.from, m.to, now.Format(time.RFC1123Z), n+1, n+1, m.run)
	return append([]byte(header), m.body...)
}
