package smtp

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// certificate is a self-signed one for host, and the pool that believes it.
func certificate(t *testing.T, host string, until time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots
}

// recorder keeps what passed in the clear.
type recorder struct {
	net.Conn
	mu   sync.Mutex
	read bytes.Buffer
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.mu.Lock()
	r.read.Write(p[:n])
	r.mu.Unlock()
	return n, err
}

func TestTLS(t *testing.T) {
	later := time.Now().Add(time.Hour)
	good, roots := certificate(t, "them.example", later)
	other, otherRoots := certificate(t, "other.example", later)
	expired, expiredRoots := certificate(t, "them.example", time.Now().Add(-time.Hour))
	for _, c := range []struct {
		name     string
		security Security
		cert     tls.Certificate
		config   *tls.Config
		inject   string // after the 220 of STARTTLS
		want     string // "" for success
	}{
		{"starttls", StartTLS, good, NewTLSConfig("them.example", true, true, roots), "", ""},
		{"implicit", ImplicitTLS, good, NewTLSConfig("them.example", true, true, roots), "", ""},
		{"any certificate", StartTLS, expired, NewTLSConfig("them.example", false, true, nil), "", ""},
		{"any host", StartTLS, other, NewTLSConfig("them.example", true, false, otherRoots), "", ""},
		{"unknown root", StartTLS, good, NewTLSConfig("them.example", true, true, otherRoots), "", "451 4.7.5 "},
		{"unknown root, any host", StartTLS, good, NewTLSConfig("them.example", true, false, otherRoots), "", "451 4.7.5 "},
		{"wrong host", StartTLS, other, NewTLSConfig("them.example", true, true, otherRoots), "", "451 4.7.5 "},
		{"wrong host, implicit", ImplicitTLS, other, NewTLSConfig("them.example", true, true, otherRoots), "", "451 4.7.5 "},
		{"expired", StartTLS, expired, NewTLSConfig("them.example", true, true, expiredRoots), "", "451 4.7.5 "},
		{"no host to verify", StartTLS, good, &tls.Config{RootCAs: roots}, "", "451 4.7.5 "},
		{"injected reply", StartTLS, good, NewTLSConfig("them.example", true, true, roots), "250 PIPELINING\r\n", "451 4.7.5 "},
		{"cut off", StartTLS, tls.Certificate{}, NewTLSConfig("them.example", true, true, roots), "", "451 4.7.5 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			ours, theirs := net.Pipe()
			wire := &recorder{Conn: theirs}
			done := make(chan struct{})
			go func() {
				defer close(done)
				serveTLS(wire, c.security, c.cert, c.inject)
			}()
			o := Options{Hostname: "us.example", Security: c.security, TLS: c.config, User: "user", Password: "secret"}
			o.Timeouts.Hello = 10 * time.Second
			conn, err := NewConn(t.Context(), ours, o)
			switch {
			case err == nil && c.want == "":
				if conn.Pipelines() {
					t.Error("what was offered in the clear is believed under TLS")
				}
				statuses, again := sent(conn, deliveryTo(1), short)
				mustSucceed(t, statuses, again)
				conn.Close()
			case err == nil, !strings.HasPrefix(err.Error(), c.want), c.want == "":
				t.Errorf("NewConn: %v, want %q", err, c.want)
			}
			<-done
			if clear := wire.read.String(); strings.Contains(clear, "MAIL") || strings.Contains(clear, "AUTH") || strings.Contains(clear, "member") {
				t.Errorf("in the clear: %q", clear)
			}
		})
	}
}

// serveTLS is a server up to and after its handshake. Without a certificate
// it closes instead of one.
func serveTLS(conn net.Conn, security Security, cert tls.Certificate, inject string) {
	defer conn.Close()
	if security == StartTLS {
		if (&peer{conn: conn}).play([]string{"S: 220 them", "C: EHLO us.example", "S: 250-them", "S: 250-PIPELINING", "S: 250 StartTLS", "C: STARTTLS"}) != nil {
			return
		}
		if _, err := io.WriteString(conn, "220 go\r\n"+inject); err != nil {
			return
		}
	}
	if cert.Certificate == nil {
		return
	}
	secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}})
	if secured.Handshake() != nil {
		return
	}
	server := &accepting{hello: "AUTH PLAIN"}
	if security == StartTLS { // the greeting is not said again
		server.silent = true
	}
	server.serve(secured)
}

// AUTH in the clear goes to this machine alone.
func TestAuthNeedsTLS(t *testing.T) {
	ours, theirs := net.Pipe()
	go (&accepting{hello: "AUTH PLAIN"}).serve(theirs)
	far := elsewhere{ours}
	_, err := NewConn(t.Context(), far, Options{Hostname: "us.example", User: "user", Password: "secret"})
	status := gateway.AsStatus(err)
	if status.Enhanced != codeClearAuth || status.Class() != gateway.Transient {
		t.Errorf("%v", err)
	}
}

// elsewhere is a connection to another machine.
type elsewhere struct{ net.Conn }

func (elsewhere) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 25} }
