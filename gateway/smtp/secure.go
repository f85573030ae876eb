package smtp

import (
	"bufio"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/mmgw/mmgw/gateway"
)

// authStepsMax bounds the challenges of one AUTH. PLAIN needs none, CRAM-MD5
// one, LOGIN two.
const authStepsMax = 5

// NewTLSConfig is a configuration for connections to serverName. Without verifyCert any
// certificate is accepted; without verifyHostname, one that a root has signed for any
// host. nil roots are the system's.
func NewTLSConfig(serverName string, verifyCert, verifyHostname bool, roots *x509.CertPool) *tls.Config {
	config := &tls.Config{
		ServerName:         serverName,
		RootCAs:            roots,
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: !verifyCert || !verifyHostname,
	}
	if verifyCert && !verifyHostname {
		config.VerifyConnection = func(state tls.ConnectionState) error {
			options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
			for _, cert := range state.PeerCertificates[1:] {
				options.Intermediates.AddCert(cert)
			}
			_, err := state.PeerCertificates[0].Verify(options)
			return err
		}
	}
	return config
}

// startTLS does STARTTLS and sends EHLO again. Without TLS it fails.
func (c *Conn) startTLS(ctx context.Context) error {
	if _, ok := c.Offers("STARTTLS"); !ok {
		return transient(codeNoSecurity, "the next hop does not offer STARTTLS, which is required", nil)
	}
	answer, err := c.ask(c.timeouts.Hello, "STARTTLS")
	switch {
	case err != nil:
		return err
	case answer.code != 220:
		return unwelcome(codeNoSecurity, "STARTTLS", answer)
	case c.reader.Buffered() > 0:
		return transient(codeCryptograph, "the next hop sent text in the clear after STARTTLS", nil)
	}
	if err := c.handshake(ctx); err != nil {
		return err
	}
	return c.hello()
}

// handshake puts the connection under TLS.
func (c *Conn) handshake(ctx context.Context) error {
	config := c.options.TLS
	if config == nil {
		config = new(tls.Config)
	}
	conn := tls.Client(c.conn, config)
	timeout := min(c.timeouts.Connect, c.timeouts.Hello)
	err := conn.SetDeadline(time.Now().Add(timeout))
	if err == nil {
		err = conn.HandshakeContext(ctx)
	}
	if err != nil {
		return transient(codeCryptograph, "no TLS with the next hop: "+gateway.Printable(err.Error()), err)
	}
	c.conn, c.secure = conn, true
	c.reader = bufio.NewReader(waiting{c}) // a new one, without anything that came in the clear
	return nil
}

// authenticate logs in with the first mechanism that both sides know. A refusal is
// Transient: our login is wrong, not a recipient.
func (c *Conn) authenticate() error {
	if !c.secure && !isLocal(c.conn.RemoteAddr()) {
		return transient(codeClearAuth, "the login would be sent to the next hop in the clear", nil)
	}
	client := c.mechanism()
	if client == nil {
		return transient(codeNoSecurity, "the next hop offers none of AUTH PLAIN, LOGIN and CRAM-MD5", nil)
	}
	mechanism, initial, err := client.Start()
	if err != nil {
		return transient(codeCredentials, "the login cannot be made", err)
	}
	line := "AUTH " + mechanism
	if initial != nil {
		line += " " + encodeResponse(initial)
	}
	answer, err := c.ask(c.timeouts.Hello, line)
	for range authStepsMax {
		if err != nil || answer.code != 334 {
			break
		}
		answer, err = c.challenge(client, answer)
	}
	switch {
	case err != nil:
		return err
	case answer.class() != 2:
		return unwelcome(codeCredentials, "the login", answer)
	}
	return nil
}

// challenge answers one 334. A challenge that the mechanism does not know
// cancels the exchange (RFC 4954, section 4).
func (c *Conn) challenge(client sasl.Client, answer reply) (reply, error) {
	text := strings.Join(answer.lines, "")
	question, err := base64.StdEncoding.DecodeString(text)
	var response []byte
	if err == nil {
		response, err = client.Next(question)
	}
	if err != nil {
		return c.ask(c.timeouts.Hello, "*")
	}
	return c.ask(c.timeouts.Hello, encodeResponse(response))
}

func (c *Conn) mechanism() sasl.Client {
	parameters, _ := c.Offers("AUTH")
	offered := strings.Fields(strings.ToUpper(parameters))
	switch {
	case slices.Contains(offered, sasl.Plain):
		return sasl.NewPlainClient("", c.options.User, c.options.Password)
	case slices.Contains(offered, sasl.Login):
		return sasl.NewLoginClient(c.options.User, c.options.Password)
	case slices.Contains(offered, "CRAM-MD5"):
		return cramMD5{c.options.User, c.options.Password}
	}
	return nil
}

// cramMD5 is the client of CRAM-MD5 (RFC 2195), which go-sasl does not have.
type cramMD5 struct{ user, password string }

// Start implements sasl.Client: the server speaks first.
func (c cramMD5) Start() (mechanism string, initial []byte, err error) { return "CRAM-MD5", nil, nil }

// Next answers the challenge.
func (c cramMD5) Next(challenge []byte) ([]byte, error) {
	mac := hmac.New(md5.New, []byte(c.password))
	mac.Write(challenge)
	return []byte(c.user + " " + hex.EncodeToString(mac.Sum(nil))), nil
}

// encodeResponse is base64, and "=" for an empty response.
func encodeResponse(response []byte) string {
	return cmp.Or(base64.StdEncoding.EncodeToString(response), "=")
}

// isLocal says whether addr is on this machine.
func isLocal(addr net.Addr) bool {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.IP.IsLoopback()
	}
	return addr != nil && (addr.Network() == "unix" || addr.Network() == "pipe")
}
