package lmtp

import (
	"strings"
	"unicode/utf8"

	"github.com/mmgw/mmgw/gateway"
)

// What go-smtp is shown in place of MAIL and RCPT. The real addresses and parameters
// are in command, and go-smtp's own parser never sees them.
const (
	shownMail = "MAIL FROM:<>\r\n"
	shownRcpt = "RCPT TO:<recipient@lmtp>\r\n"
)

// helloBytesMax is the longest name of RFC 5321, section 4.5.3.1.2.
const helloBytesMax = 255

// command is one command as the guard has parsed it.
type command struct {
	verb  string // in upper case
	arg   string // as it came, without control characters
	shown string // what go-smtp sees, with CRLF; "" if the guard itself answers

	mail      mail              // of MAIL
	recipient gateway.Recipient // of RCPT
	refusal   *gateway.Status   // nil: the command is valid
	last      bool              // the connection ends with the refusal
}

// mail is what a MAIL command says.
type mail struct {
	envelope gateway.Envelope
	size     uint64 // announced by SIZE (RFC 1870), 0 if it was not
}

// parseCommand reads a line without its CRLF. Malformed MAIL and RCPT are still shown to
// go-smtp, which first checks the order of commands.
func parseCommand(line, hostname string) command {
	verb, arg, _ := strings.Cut(line, " ")
	c := command{verb: strings.ToUpper(verb), arg: strings.Trim(arg, " ")}
	switch {
	case !isText(line):
		c.arg = ""
		c.refusal = status(501, 5, 5, 2, "control character or invalid UTF-8 in a command")
	case c.verb == "MAIL":
		c.shown = shownMail
		c.mail, c.refusal = parseMail(c.arg)
	case c.verb == "RCPT":
		c.shown = shownRcpt
		c.recipient, c.refusal = parseRcpt(c.arg, hostname)
	default:
		c.parseOther()
	}
	return c
}

// parseOther reads the commands that have no address.
func (c *command) parseOther() {
	switch c.verb {
	case "LHLO":
		name, _, _ := strings.Cut(c.arg, " ")
		if name == "" || len(name) > helloBytesMax || !gateway.IsASCII(name) {
			c.refusal = status(501, 5, 5, 4, "LHLO needs the name of the client")
			return
		}
		c.shown = "LHLO " + name + "\r\n"
	case "DATA", "RSET", "QUIT":
		if c.arg != "" {
			c.refusal = status(501, 5, 5, 4, c.verb+" takes no argument")
			return
		}
		c.shown = c.verb + "\r\n"
	case "NOOP", "VRFY":
		c.shown = c.verb + "\r\n"
	case "XFORWARD":
	case "HELO", "EHLO":
		c.refusal = status(500, 5, 5, 1, "this is LMTP, say LHLO")
	case "BDAT":
		// A chunk follows, and its octets must not be read as commands.
		c.refusal, c.last = status(502, 5, 5, 1, "BDAT is not offered"), true
	case "EXPN", "HELP", "AUTH", "STARTTLS", "ETRN", "TURN", "SEND", "SOML", "SAML":
		c.refusal = status(502, 5, 5, 1, "command not implemented")
	default:
		c.refusal = status(500, 5, 5, 2, "unknown command")
	}
}

// parseMail reads the argument of MAIL (RFC 5321, section 4.1.1.2).
func parseMail(arg string) (mail, *gateway.Status) {
	path, rest, refusal := cutPath(arg, "FROM:")
	if refusal != nil {
		return mail{}, refusal
	}
	reverse, err := gateway.ParseReversePath(path)
	if err != nil {
		return mail{}, malformed(7, err)
	}
	m := mail{envelope: gateway.Envelope{ReversePath: reverse}}
	if refusal := m.parameters(rest); refusal != nil {
		return mail{}, refusal
	}
	if !reverse.IsASCII() && !m.envelope.SMTPUTF8 {
		return mail{}, needsSMTPUTF8
	}
	return m, nil
}

// parseRcpt reads the argument of RCPT (RFC 5321, section 4.1.1.3). <postmaster> without
// a domain is that of hostname.
func parseRcpt(arg, hostname string) (gateway.Recipient, *gateway.Status) {
	path, rest, refusal := cutPath(arg, "TO:")
	if refusal != nil {
		return gateway.Recipient{}, refusal
	}
	if strings.EqualFold(path, "postmaster") {
		path += "@" + hostname
	}
	forward, err := gateway.ParseForwardPath(path)
	if err != nil {
		return gateway.Recipient{}, malformed(3, err)
	}
	to := gateway.Recipient{Path: forward}
	if refusal := recipientParameters(&to, rest); refusal != nil {
		return gateway.Recipient{}, refusal
	}
	return to, nil
}

// malformed refuses an address: X.1.7 is for a reverse-path, X.1.3 for a
// recipient (RFC 3463, section 3.2).
func malformed(detail int, err error) *gateway.Status {
	s := status(553, 5, 1, detail, "malformed address")
	s.Cause = err
	return s
}

// cutPath splits an argument that is keyword, a path in angle brackets, and the rest. A >
// in a quoted local part does not end the path.
func cutPath(arg, keyword string) (path, rest string, refusal *gateway.Status) {
	expected := status(501, 5, 5, 4, "expected "+keyword+"<address>")
	if len(arg) < len(keyword) || !strings.EqualFold(arg[:len(keyword)], keyword) {
		return "", "", expected
	}
	arg = strings.TrimLeft(arg[len(keyword):], " ")
	if !strings.HasPrefix(arg, "<") {
		return "", "", expected
	}
	end := pathEnd(arg)
	if end < 0 {
		return "", "", expected
	}
	path, rest = arg[1:end], arg[end+1:]
	if rest != "" && rest[0] != ' ' {
		return "", "", expected
	}
	return path, rest, nil
}

// pathEnd is the index of the first > outside quotes, or -1.
func pathEnd(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == '>' && !quoted:
			return i
		}
	}
	return -1
}

// isText says whether a line is UTF-8 without control characters.
func isText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return utf8.ValidString(s)
}
