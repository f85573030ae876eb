package demo

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway/probe"
)

// sink is the demo's upstream MTA: it takes every copy and keeps it.
type sink struct {
	listener net.Listener
	server   *probe.Sink

	mu       sync.Mutex
	kept     []probe.Transaction
	received int // copies
	arrived  chan struct{}
}

func openSink() (*sink, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{listener: listener, arrived: make(chan struct{}, 1)}
	s.server = &probe.Sink{Hostname: "mail.example.com", Record: s.record, KeepContent: true}
	go s.server.Serve(listener)
	return s, nil
}

func (s *sink) address() string { return s.listener.Addr().String() }

func (s *sink) close() { s.server.Close() }

func (s *sink) record(t probe.Transaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, t)
	s.received += len(t.Rcpts)
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// wait returns when so many copies are there.
func (s *sink) wait(ctx context.Context, copies int, timeout time.Duration) error {
	late := time.After(timeout)
	for {
		s.mu.Lock()
		n := s.received
		s.mu.Unlock()
		if n >= copies {
			return nil
		}
		select {
		case <-s.arrived:
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			return fmt.Errorf("%d of %d copies arrived within %v", n, copies, timeout)
		}
	}
}

func (s *sink) transactions() []probe.Transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]probe.Transaction(nil), s.kept...)
}
