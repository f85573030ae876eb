package smtp

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"time"
)

// Protocol is the protocol of a connection.
type Protocol string

// The protocols. LMTP answers the content once for each accepted recipient.
const (
	SMTP Protocol = "smtp"
	LMTP Protocol = "lmtp"
)

// Security says how a connection is protected. The values are those of
// smtp_secure_mode.
type Security string

// The ways to secure a connection. StartTLS and ImplicitTLS fail closed.
const (
	Cleartext   Security = "smtp"
	StartTLS    Security = "starttls" // RFC 3207
	ImplicitTLS Security = "smtps"    // RFC 8314
)

// Options say how to speak to a server. The zero value speaks SMTP in the
// clear, without a login, with the timeouts of RFC 5321.
type Options struct {
	Protocol Protocol
	Security Security

	// Hostname is the name in EHLO: a domain or an address literal. "" stands for the
	// literal of our end of the connection (RFC 5321, section 4.1.4).
	Hostname string

	// TLS is for StartTLS and ImplicitTLS; see NewTLSConfig. If it has no ServerName,
	// Dial sets the host that it dials. nil verifies with the system's roots.
	TLS *tls.Config

	// User and Password are for AUTH, by the first of PLAIN, LOGIN and CRAM-MD5 that
	// the server offers. They are sent only over TLS or to this machine. User "": no
	// AUTH.
	User, Password string

	Timeouts Timeouts

	// MessagesMax is how many transactions a connection may have; 0: any number. A
	// server may announce its own limit.
	MessagesMax int

	// DialContext opens the connection; nil: net.Dialer does.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// Timeouts bound every wait. A zero field takes the default in its comment, which is that
// of RFC 5321, section 4.5.3.2, if that has one. Each is for a whole reply or a whole
// block: a peer that sends an octet now and then does not prolong it.
type Timeouts struct {
	Connect     time.Duration // 30 s: connecting, and the handshake of ImplicitTLS
	Greeting    time.Duration // 5 min: the 220 (4.5.3.2.1)
	Hello       time.Duration // 5 min: the replies to EHLO, STARTTLS and AUTH, and the TLS handshake
	Mail        time.Duration // 5 min: the replies to MAIL and RSET (4.5.3.2.2)
	Recipient   time.Duration // 5 min: the reply to one RCPT (4.5.3.2.3)
	Data        time.Duration // 2 min: the reply to DATA (4.5.3.2.4)
	Block       time.Duration // 3 min: writing one block of content (4.5.3.2.5)
	Final       time.Duration // 10 min: each reply to the final dot (4.5.3.2.6)
	Quit        time.Duration // 2 s: the reply to QUIT, which nobody needs
	Transaction time.Duration // 1 h: everything from MAIL to the last reply
}

// Defaults returns t with its zero fields filled in.
func (t Timeouts) Defaults() Timeouts {
	return Timeouts{
		Connect:     cmp.Or(t.Connect, 30*time.Second),
		Greeting:    cmp.Or(t.Greeting, 5*time.Minute),
		Hello:       cmp.Or(t.Hello, 5*time.Minute),
		Mail:        cmp.Or(t.Mail, 5*time.Minute),
		Recipient:   cmp.Or(t.Recipient, 5*time.Minute),
		Data:        cmp.Or(t.Data, 2*time.Minute),
		Block:       cmp.Or(t.Block, 3*time.Minute),
		Final:       cmp.Or(t.Final, 10*time.Minute),
		Quit:        cmp.Or(t.Quit, 2*time.Second),
		Transaction: cmp.Or(t.Transaction, time.Hour),
	}
}
