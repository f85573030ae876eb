package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway/probe"
)

// site is a directory with a configuration, and an upstream MTA that takes
// everything.
type site struct {
	t       testing.TB
	dir     string
	program string    // what serves, a name that TestMain knows
	smtp    string    // address of the upstream MTA
	stderr  io.Writer // of what serves; nil: its log

	mu       sync.Mutex
	listener net.Listener
	sink     *probe.Sink
	taken    func(probe.Transaction) // is told of what the upstream MTA takes, in place of sent
	sent     []probe.Transaction
	bell     chan struct{}
}

func newSite(t testing.TB, configuration string) *site {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newSiteBefore(t, listener.Addr().String(), configuration)
	s.open(listener)
	return s
}

// newSiteBefore is a site whose upstream MTA is somebody else's.
func newSiteBefore(t testing.TB, smtp, configuration string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), program: "mmgw", smtp: smtp, bell: make(chan struct{}, 1)}
	_, port, _ := net.SplitHostPort(smtp)
	text := "state_dir = \"state\"\nhostname = \"gw.example.com\"\n[auth]\ndns_server = \"127.0.0.1:1\"\n" +
		"[mta]\nlmtp_port = 0\nsmtp_host = \"127.0.0.1\"\nsmtp_port = " + port + "\n" + configuration
	if err := os.WriteFile(s.file(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

func (s *site) file() string { return filepath.Join(s.dir, "mmgw.toml") }

func (s *site) state() string { return filepath.Join(s.dir, "state") }

// open has the upstream MTA take mail from a listener.
func (s *site) open(listener net.Listener) {
	sink := &probe.Sink{KeepContent: true, Record: s.record}
	s.mu.Lock()
	s.sink, s.listener = sink, listener
	s.mu.Unlock()
	go sink.Serve(listener)
}

// close takes the upstream MTA away.
func (s *site) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sink != nil {
		s.sink.Close()
		s.listener.Close()
		s.sink = nil
	}
}

func (s *site) record(t probe.Transaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken != nil {
		s.taken(t)
		return
	}
	s.sent = append(s.sent, t)
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// wait returns the transactions when there are n of them.
func (s *site) wait(n int) []probe.Transaction {
	s.t.Helper()
	sent, ok := s.waitFor(func(sent []probe.Transaction) bool { return len(sent) >= n })
	if !ok {
		s.t.Fatalf("%d of %d transactions arrived", len(sent), n)
	}
	return sent
}

// waitFor returns the transactions when all have arrived that somebody waits
// for, or not ok when that is too late.
func (s *site) waitFor(all func([]probe.Transaction) bool) (sent []probe.Transaction, ok bool) {
	late := time.After(2 * time.Minute)
	for {
		s.mu.Lock()
		sent := append([]probe.Transaction(nil), s.sent...)
		s.mu.Unlock()
		if all(sent) {
			return sent, true
		}
		select {
		case <-s.bell:
		case <-late:
			return sent, false
		}
	}
}

// process is a running `mmgw serve`.
type process struct {
	t       testing.TB
	command *exec.Cmd
	log     *lockedBuilder
	lmtp    string
	http    string // of one-click unsubscription, where the site has it
	ended   bool
}

type lockedBuilder struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuilder) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuilder) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// serve starts the gateway of a site and returns when it is ready.
func (s *site) serve() *process {
	s.t.Helper()
	p := &process{t: s.t, command: exec.Command(s.program, "serve", "--config", s.file()), log: &lockedBuilder{}}
	if p.command.Stderr = s.stderr; s.stderr == nil {
		p.command.Stderr = p.log
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { p.kill() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "listening lmtp tcp "); ok {
			p.lmtp = address
		}
		if address, ok := strings.CutPrefix(lines.Text(), "listening http tcp "); ok {
			p.http = address
		}
		if lines.Text() == "ready" {
			return p
		}
	}
	s.t.Fatalf("mmgw serve did not start:\n%s", p.log)
	return nil
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	if !p.ended {
		p.ended = true
		p.command.Process.Kill()
		p.command.Wait()
	}
}

// stop ends the process as an operator does, and checks that it ends well.
func (p *process) stop() {
	p.t.Helper()
	p.ended = true
	p.command.Process.Signal(syscall.SIGTERM)
	if err := p.command.Wait(); err != nil {
		p.t.Errorf("mmgw serve: %v\n%s", err, p.log)
	}
}

// client speaks LMTP to the process.
func (p *process) client() *probe.Client {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	c, err := probe.Dial(ctx, p.lmtp)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	return c
}
