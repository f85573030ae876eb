package probe

import (
	"cmp"
	"io"
	"log"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Limits of a Sink. They are wide: it takes what a gateway under test sends,
// and only has to stay alive doing so.
const (
	sinkContentBytesMax = 64 << 20        // four times what a gateway takes by default
	sinkLineBytesMax    = 1 << 20         // some messages are one line
	sinkRecipientsMax   = 10_000          // ten times what a gateway puts in one transaction
	sinkTimeout         = 5 * time.Minute // for a command, a content and a reply each
)

// Sink is an SMTP server that takes every message, but where a rule says
// otherwise. The zero value is ready; its fields do not change once it serves.
type Sink struct {
	Hostname string // for the greeting; "" is "localhost"
	Rules    []Rule // the first one that matches refuses

	// Record is called with each transaction before it is answered 250, from
	// many goroutines. nil records nothing. It must not call Close.
	Record func(Transaction)

	// KeepContent fills in the Content of what is recorded.
	KeepContent bool

	mu        sync.Mutex
	closed    bool
	server    *smtp.Server
	listeners map[io.Closer]struct{}
	conns     map[io.Closer]struct{}
	recording sync.RWMutex // held for reading by a Record, for writing by Close
}

// Transaction is one message that a Sink took.
type Transaction struct {
	MailFrom string   `json:"mail_from"` // without brackets, "" for the null reverse-path
	Rcpts    []string `json:"rcpts"`     // those that were accepted, without brackets, in order
	Size     int64    `json:"size"`      // of the content in octets, dots unstuffed
	SHA256   string   `json:"sha256"`    // of the same, in hexadecimal
	Content  []byte   `json:"-"`         // the same, with KeepContent only
}

// Serve answers on l until Close is called, and returns nil then; else it
// returns why l failed. It may be called for several listeners. l is closed
// when it returns.
func (s *Sink) Serve(l net.Listener) error {
	server, ok := s.add(l)
	defer l.Close()
	if !ok {
		return nil
	}
	err := server.Serve(&sinkListener{Listener: l, sink: s})
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
	if s.closed {
		return nil
	}
	return err
}

// Close ends all listeners and connections, and returns when the last Record
// has. No other follows. It can be called before Serve, and again.
func (s *Sink) Close() error {
	s.mu.Lock()
	s.closed = true
	open := slices.AppendSeq(slices.Collect(maps.Keys(s.listeners)), maps.Keys(s.conns))
	s.mu.Unlock()
	if s.server != nil {
		s.server.Close() // so that it takes the end of a listener for ours
	}
	for _, c := range open {
		c.Close()
	}
	s.recording.Lock()
	defer s.recording.Unlock()
	return nil
}

// add notes a listener, unless the sink is closed.
func (s *Sink) add(l net.Listener) (server *smtp.Server, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	if s.server == nil {
		s.server = s.newServer()
		s.listeners, s.conns = map[io.Closer]struct{}{}, map[io.Closer]struct{}{}
	}
	s.listeners[l] = struct{}{}
	return s.server, true
}

func (s *Sink) newServer() *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &sinkSession{sink: s, conn: c.Conn().(*sinkConn)}, nil
	}))
	server.Domain = cmp.Or(s.Hostname, "localhost")
	server.MaxMessageBytes = sinkContentBytesMax
	server.MaxLineLength = sinkLineBytesMax
	server.MaxRecipients = sinkRecipientsMax
	server.ReadTimeout, server.WriteTimeout = sinkTimeout, sinkTimeout
	server.EnableSMTPUTF8, server.EnableDSN = true, true
	server.ErrorLog = log.New(io.Discard, "", 0) // peers that break off are their own affair
	return server
}

// record passes t on, unless the sink is closed.
func (s *Sink) record(t Transaction) (ok bool) {
	s.recording.RLock()
	defer s.recording.RUnlock()
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if !closed && s.Record != nil {
		s.Record(t)
	}
	return !closed
}
