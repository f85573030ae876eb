package smtp

import (
	"fmt"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Limits of DSN parameters (RFC 3461, sections 4.2 and 4.4), in octets. Longer
// ones are left out.
const (
	originalBytesMax   = 500
	envelopeIDBytesMax = 100
)

// command is one line of an envelope.
type command struct {
	verb      verb
	line      string // without CRLF
	recipient int    // of rcpt: the index in Delivery.Recipients
	timeout   time.Duration
}

type verb int

const (
	rset verb = iota
	mail
	rcpt
	data
)

func (v verb) String() string { return [...]string{"RSET", "MAIL", "RCPT", "DATA"}[v] }

// commands are the commands of t's envelope, after RSET if reset. Their addresses are
// parsed ones: t.reverse and t.paths.
func (t *transaction) commands(reset bool) []command {
	c := t.conn
	list := make([]command, 0, len(t.open)+3)
	if reset {
		list = append(list, command{verb: rset, line: "RSET", timeout: c.timeouts.Mail})
	}
	list = append(list, command{verb: mail, line: t.mailLine(), timeout: c.timeouts.Mail})
	for _, i := range t.open {
		list = append(list, command{verb: rcpt, line: t.rcptLine(i), recipient: i, timeout: c.timeouts.Recipient})
	}
	if t.callout {
		return list
	}
	return append(list, command{verb: data, line: "DATA", timeout: c.timeouts.Data})
}

// mailLine is MAIL with the parameters that the server offers.
func (t *transaction) mailLine() string {
	c, e := t.conn, &t.delivery.Envelope
	var b strings.Builder
	b.WriteString("MAIL FROM:" + t.reverse.String())
	if _, ok := c.Offers("SIZE"); ok {
		fmt.Fprintf(&b, " SIZE=%d", t.size)
	}
	if _, ok := c.Offers("8BITMIME"); ok && e.BodyType == gateway.Body8BitMIME {
		b.WriteString(" BODY=8BITMIME")
	}
	if t.utf8 {
		b.WriteString(" SMTPUTF8")
	}
	if t.xverp != "" {
		b.WriteString(" XVERP=" + t.xverp)
	}
	if _, ok := c.Offers("DSN"); ok {
		if e.Return == gateway.ReturnFull || e.Return == gateway.ReturnHeaders {
			b.WriteString(" RET=" + string(e.Return))
		}
		if id := xtext(e.EnvelopeID); id != "" && len(id) <= envelopeIDBytesMax {
			b.WriteString(" ENVID=" + id)
		}
	}
	return b.String()
}

// rcptLine is RCPT with the parameters that the server offers.
func (t *transaction) rcptLine(i int) string {
	line := "RCPT TO:" + t.paths[i].String()
	if _, ok := t.conn.Offers("DSN"); !ok {
		return line
	}
	recipient := &t.delivery.Recipients[i]
	if notify := notifyText(recipient.Notify); notify != "" {
		line += " NOTIFY=" + notify
	}
	if original := originalText(recipient.Original); original != "" {
		line += " ORCPT=" + original
	}
	return line
}

// notifyText is the value of NOTIFY (RFC 3461, section 4.1), "" for none.
func notifyText(n gateway.Notify) string {
	if n&gateway.NotifyNever != 0 {
		return "NEVER"
	}
	var words []string
	for _, w := range []struct {
		bit  gateway.Notify
		word string
	}{{gateway.NotifySuccess, "SUCCESS"}, {gateway.NotifyFailure, "FAILURE"}, {gateway.NotifyDelay, "DELAY"}} {
		if n&w.bit != 0 {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ",")
}

// originalText is the value of ORCPT. It is kept as it came, encoded by RFC 3461, section
// 4.2. It is "" if the text is not valid.
func originalText(original string) string {
	kind, address, ok := strings.Cut(original, ";")
	if !ok || kind == "" || address == "" || len(original) > originalBytesMax || strings.Trim(strings.ToLower(kind), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return ""
	}
	for i := range len(address) {
		if address[i] <= ' ' || address[i] > '~' {
			return ""
		}
	}
	return kind + ";" + strings.ReplaceAll(address, "=", "+3D")
}

// xtext encodes s by RFC 3461, section 4. It is "" if s is not printable ASCII.
func xtext(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c < ' ' || c > '~':
			return ""
		case c == '+' || c == '=' || c == ' ':
			fmt.Fprintf(&b, "+%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
