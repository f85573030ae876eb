package lookup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// ConnectionsMax is how many connections are kept at the same time. Each process of
// Postfix that takes, rewrites or delivers mail has one or two, and there are a
// hundred of a kind; one costs some 20 KiB. What is beyond is closed, and the
// MTA defers and tries again.
const ConnectionsMax = 1000

// acceptPause is waited after a listener failed, as where there are no more
// file descriptors.
const acceptPause = 100 * time.Millisecond

// Server answers MTAs. Its fields are set before Serve and not changed later.
type Server struct {
	Tables *Tables
	Allow  []netip.Prefix // peers over IP that are answered; over a Unix socket all are
	Log    *slog.Logger   // nil discards
}

// Serve takes connections from l until ctx ends, then closes it and what is
// open, and returns nil. A question in progress is left without an answer,
// which has the MTA ask later.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	var sessions sync.WaitGroup
	defer sessions.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	defer l.Close()
	var open atomic.Int64
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil && err != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("lookup: %v: %w", l.Addr(), err)
		case err != nil:
			log.Warn("lookup: a connection cannot be taken", "error", err)
			pause(ctx)
			continue
		case !s.allows(conn), open.Load() >= ConnectionsMax:
			log.Warn("lookup: a connection was closed: the peer is not in [lmtp] allow, or there are too many",
				"peer", conn.RemoteAddr().String(), "open", open.Load())
			conn.Close()
			continue
		}
		open.Add(1)
		sessions.Go(func() {
			defer open.Add(-1)
			s.session(ctx, conn, log)
		})
	}
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(acceptPause):
	}
}

// session answers on one connection until its end, or that of ctx.
func (s *Server) session(ctx context.Context, conn net.Conn, log *slog.Logger) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := newSession(s.Tables, conn).serve(ctx); errors.Is(err, errQuestion) {
		log.Warn("lookup: a connection was closed", "peer", conn.RemoteAddr().String(), "error", err)
	}
}

func (s *Server) allows(conn net.Conn) bool {
	peer, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return true
	}
	address := peer.AddrPort().Addr().Unmap()
	for _, p := range s.Allow {
		if p.Contains(address) {
			return true
		}
	}
	return false
}
