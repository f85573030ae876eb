// Package lmtp is the intake: an LMTP server (RFC 2033) that hands messages to a
// gateway.Intake.
//
// go-smtp handles the dialogue: the order of commands, resets, and one reply for each
// recipient. It is behind a guard and never sees an octet of the network. The guard reads
// and checks each command, shows go-smtp a plain one that it has made itself, frames the
// content, and words the replies.
//
// The package promises:
//
//   - Only CRLF "." CRLF ends a content, and only CRLF ends a command. Octets of a
//     content are never read as commands: if a content stalls, breaks off or exceeds all
//     limits, the reply is a failure and the connection is closed.
//   - No message is accepted before its end was read.
//   - Each accepted recipient gets one reply, in the order of the RCPTs, and a 2xx only
//     if the Intake said so for this recipient.
//   - Replies are printable ASCII of at most 510 octets. Failures are 4xx or 5xx, with an
//     enhanced code of the same class.
//   - Time, memory, commands, recipients and connections are bounded.
//
// The content that the Intake reads has only CRLF line ends. A bare LF becomes CRLF and a
// bare CR a space, or the message is refused, as configured. NUL and octets above 127
// stay as they are: they cannot be mistaken for a line end, and signatures over them stay
// valid. BDAT is neither offered nor accepted.
package lmtp

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/mmgw/mmgw/gateway"
)

// Server is an LMTP server. Its exported fields are set before Serve and not changed
// later; all but Intake have useful zero values.
type Server struct {
	Intake   gateway.Intake // asked about each recipient and each message
	Hostname string         // in the greeting, and the domain of <postmaster>; "" is "localhost"
	Limits   Limits

	// ReplyPause is the time between the replies to one content, for clients that
	// cannot read several of them in one packet. 0 joins them.
	ReplyPause time.Duration

	// BareNewlineRefused says to refuse content with a bare CR or LF, with 554
	// 5.6.0. Otherwise it is normalised.
	BareNewlineRefused bool

	// Allow are the peers that may connect over IP; nil means the loopback
	// addresses. Over other networks, such as Unix sockets, all may.
	Allow []netip.Prefix

	Log *slog.Logger // nil: nothing is logged

	once    sync.Once
	server  *smtp.Server
	context context.Context // of all transactions
	cancel  context.CancelFunc

	mu        sync.Mutex
	listeners []*guarded
	guards    map[*guard]struct{} // the admitted connections
	closing   bool
}

// Limits bound what one client, or all of them, may cost. A zero field takes the value in
// its comment.
type Limits struct {
	ContentBytesMax int64         // of one message, in octets; 32 MiB
	RecipientsMax   int           // of one message; 1000
	ConnectionsMax  int           // at a time; 200
	IdleTimeout     time.Duration // for one command, and between two reads of a content; 5 min
	ContentTimeout  time.Duration // for all of one content; 30 min
}

func (l Limits) withDefaults() Limits {
	return Limits{
		ContentBytesMax: cmp.Or(l.ContentBytesMax, 32<<20),
		RecipientsMax:   cmp.Or(l.RecipientsMax, 1000),
		ConnectionsMax:  cmp.Or(l.ConnectionsMax, 200),
		IdleTimeout:     cmp.Or(l.IdleTimeout, 5*time.Minute),
		ContentTimeout:  cmp.Or(l.ContentTimeout, 30*time.Minute),
	}
}

// loopback is the default for Allow.
var loopback = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("::1/128"),
}

// Serve accepts connections from listener until Shutdown, and then returns nil. It may be
// called for several listeners at the same time, and closes its listener when it returns.
func (s *Server) Serve(listener net.Listener) error {
	s.once.Do(s.start)
	l := &guarded{Listener: listener, server: s}
	defer l.Close()
	s.mu.Lock()
	closing := s.closing
	s.listeners = append(s.listeners, l)
	s.mu.Unlock()
	if closing {
		return nil
	}
	err := s.server.Serve(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil || s.closing {
		return nil
	}
	return fmt.Errorf("lmtp: %v: %w", listener.Addr(), err)
}

// Shutdown ends the server. Clients without a transaction get 421 and are closed; a
// transaction in progress gets its replies first. When ctx ends, what is left is
// cancelled and closed, and the error is that of ctx. Shutdown must be called only once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.once.Do(s.start)
	s.drain()
	err := s.server.Shutdown(ctx)
	s.cancel()
	for _, g := range s.admitted() {
		g.Close()
	}
	return err
}

func (s *Server) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for _, l := range s.listeners {
		l.Close()
	}
	for g := range s.guards {
		g.link.drain()
	}
}

func (s *Server) admitted() []*guard {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.guards))
}

func (s *Server) start() {
	s.Hostname = cmp.Or(s.Hostname, "localhost")
	s.Limits = s.Limits.withDefaults()
	if s.Allow == nil {
		s.Allow = loopback
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	s.guards = map[*guard]struct{}{}
	s.context, s.cancel = context.WithCancel(context.Background())
	s.server = smtp.NewServer(smtp.BackendFunc(newSession))
	s.server.LMTP = true
	s.server.Domain = s.Hostname
	s.server.MaxRecipients = s.Limits.RecipientsMax
	s.server.ErrorLog = errorLog{s.Log}
}

// guarded is a listener whose connections are guards.
type guarded struct {
	net.Listener
	server *Server
	once   sync.Once
}

func (l *guarded) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.server.admit(conn), nil
}

func (l *guarded) Close() (err error) {
	l.once.Do(func() { err = l.Listener.Close() })
	return err
}

// admit makes the guard of a connection. One that is refused gets the refusal in place of
// the greeting.
func (s *Server) admit(conn net.Conn) *guard {
	g := newGuard(s, conn)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.allows(conn.RemoteAddr()):
		g.refusal = status(554, 5, 7, 1, "this host may not connect")
	case s.closing:
		g.refusal = shuttingDown
	case len(s.guards) >= s.Limits.ConnectionsMax:
		g.refusal = status(421, 4, 3, 2, "too many connections, try again later")
	default:
		s.guards[g] = struct{}{}
	}
	if g.refusal != nil {
		s.Log.Warn("connection refused", "peer", conn.RemoteAddr().String(), "reply", g.refusal.Reply())
	}
	return g
}

func (s *Server) forget(g *guard) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.guards, g)
}

func (s *Server) allows(peer net.Addr) bool {
	tcp, ok := peer.(*net.TCPAddr)
	if !ok {
		return true
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	for _, prefix := range s.Allow {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// errorLog logs what go-smtp reports: errors of Accept, and panics.
type errorLog struct{ log *slog.Logger }

func (l errorLog) Printf(format string, v ...any) {
	l.log.Error("go-smtp", "error", gateway.Printable(fmt.Sprintf(format, v...)))
}

func (l errorLog) Println(v ...any) {
	l.log.Error("go-smtp", "error", gateway.Printable(fmt.Sprint(v...)))
}
