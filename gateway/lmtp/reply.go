package lmtp

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

var (
	shuttingDown     = status(421, 4, 3, 2, "shutting down, try again later")
	needsSMTPUTF8    = status(553, 5, 6, 7, "address needs SMTPUTF8")
	badParameter     = status(501, 5, 5, 4, "malformed parameter")
	unknownParameter = status(555, 5, 5, 4, "parameter not implemented")
)

// status makes the reply of code and the enhanced code class.subject.detail.
func status(code, class, subject, detail int, text string) *gateway.Status {
	return &gateway.Status{Code: code, Enhanced: gateway.EnhancedCode{class, subject, detail}, Text: text}
}

// replyLine is s as one line on the wire, at most 512 octets.
func replyLine(s *gateway.Status) string { return s.Reply() + "\r\n" }

// plain makes a reply ASCII: not every client has asked for more (RFC 6531,
// section 3.7.4).
func plain(reply string) string {
	return strings.Map(func(r rune) rune {
		if r > '~' {
			return '?'
		}
		return r
	}, reply)
}

// clamped returns s with a reply code that a client may get: 250 for a success, and 451
// for 421, which would mean that the connection ends, and for codes that are neither
// success nor failure. The enhanced code gets the class of the reply code.
func clamped(s *gateway.Status) *gateway.Status {
	if s == nil {
		return gateway.Deferred(errors.New("no status was given"))
	}
	c := *s
	switch {
	case c.Code/100 == 2:
		c.Code = 250
	case c.Code == 421:
		c.Code = 451
	case c.Code < 400 || c.Code > 599:
		return gateway.Deferred(fmt.Errorf("reply code %d", c.Code))
	}
	for _, n := range c.Enhanced {
		if n < 0 || n > 999 {
			c.Enhanced = gateway.EnhancedCode{}
		}
	}
	c.Enhanced[0] = c.Code / 100
	return &c
}

// refused is clamped for a reply that must be a failure.
func refused(s *gateway.Status) *gateway.Status {
	c := clamped(s)
	if c.Class() == gateway.Success {
		return gateway.Deferred(fmt.Errorf("a failure with reply code %d", s.Code))
	}
	return c
}

// words is our wording of one reply line of go-smtp, or "" to drop it.
func (g *guard) words(line string) string {
	if len(line) < 4 {
		return ""
	}
	code := line[:4]
	switch {
	case g.command.verb == "LHLO" && code == "250-":
		return ""
	case g.command.verb == "LHLO" && code == "250 ":
		return g.hello()
	case g.command.verb == "MAIL" && code == "250 ":
		return "250 2.1.0 reverse-path ok\r\n"
	case g.command.verb == "RCPT" && code == "250 ":
		return "250 2.1.5 recipient ok\r\n"
	case code == "502 ": // go-smtp's for a command out of order (RFC 2033, section 4.2)
		return "503 5.5.1 command out of order\r\n"
	}
	return line + "\r\n"
}

// hello is the reply to LHLO, with all extensions.
func (g *guard) hello() string {
	limits := g.server.Limits
	return strings.Join([]string{
		"250-" + g.server.Hostname,
		"250-PIPELINING",
		"250-ENHANCEDSTATUSCODES",
		"250-8BITMIME",
		"250-SMTPUTF8",
		"250-DSN",
		"250-XFORWARD NAME ADDR HELO",
		fmt.Sprintf("250-SIZE %d", limits.ContentBytesMax),
		fmt.Sprintf("250 LIMITS RCPTMAX=%d\r\n", limits.RecipientsMax),
	}, "\r\n")
}
