package mta_test

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway/probe"
)

// patience is how long anything here may take: far longer than on a busy
// machine.
const patience = 30 * time.Second

// until returns when a condition holds.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	late := time.After(patience)
	for !holds() {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("not within %v", patience)
		}
	}
}

// build compiles mmgw.
func build(t *testing.T, command string) {
	t.Helper()
	if out, err := exec.Command("go", "build", "-o", command, "github.com/mmgw/mmgw/cmd/mmgw").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// realSite is a gateway between an MTA and a next hop that takes everything
// but mail for gone@example.net.
type realSite struct {
	t       *testing.T
	command string // mmgw
	dir     string
	smtp    string // where the MTA is to listen
	lmtp    string
	lookup  string
	sink    string
	env     []string // of the gateway, beside that of the test
	log     *lockedBuffer
	process *exec.Cmd

	mu    sync.Mutex
	taken []probe.Transaction
}

// newRealSite opens the next hop. All of a site listens on a loopback address
// of its own, so that a port that the kernel chose for it stays free until
// another process takes it.
func newRealSite(t *testing.T, command string) *realSite {
	t.Helper()
	s := &realSite{t: t, command: command, dir: openDir(t), log: &lockedBuffer{}}
	ip := net.IPv4(127, byte(1+rand.IntN(254)), byte(rand.IntN(256)), byte(1+rand.IntN(254))).String()
	gone, err := probe.ParseRule("RCPT ^gone@=550 5.1.1 nobody by that name")
	if err != nil {
		t.Fatal(err)
	}
	sink := &probe.Sink{KeepContent: true, Record: s.record, Rules: []probe.Rule{gone}}
	l := listen(t, ip)
	go sink.Serve(l)
	t.Cleanup(func() { sink.Close() })
	s.sink = l.Addr().String()
	for _, address := range []*string{&s.smtp, &s.lmtp, &s.lookup} {
		l := listen(t, ip)
		*address = l.Addr().String()
		defer l.Close()
	}
	writeModules(t, s.dir)
	return s
}

// openDir is a new directory in which MTAs can read as users of their own.
func openDir(t *testing.T) string {
	t.Helper()
	inner := t.TempDir()
	for _, dir := range []string{inner, filepath.Dir(inner)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return inner
}

func listen(t *testing.T, ip string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (s *realSite) file() string   { return filepath.Join(s.dir, "mmgw.toml") }
func (s *realSite) mtaDir() string { return filepath.Join(s.dir, "state", "mta") }

// configure writes the configuration and has mmgw write the MTA's files.
func (s *realSite) configure(block string) {
	s.t.Helper()
	s.writeConfiguration(block)
	s.mmgw("mta", "apply")
}

// writeConfiguration writes a block of the guide with the site's own settings in
// it.
func (s *realSite) writeConfiguration(block string) {
	s.t.Helper()
	lmtpHost, lmtpPort, _ := net.SplitHostPort(s.lmtp)
	smtpHost, smtpPort, _ := net.SplitHostPort(s.smtp)
	own := map[string]string{
		"[mta]": fmt.Sprintf("lmtp_host = %q\nlmtp_port = %s\nsmtp_host = %q\nsmtp_port = %s\n", lmtpHost, lmtpPort, smtpHost, smtpPort),
	}
	text := "state_dir = \"state\"\nplugin_dir = \".\"\nhostname = \"gw.example.com\"\n[auth]\ndns_server = \"127.0.0.1:1\"\n"
	for line := range strings.Lines(block) {
		header := strings.TrimSpace(line)
		text += line + own[header]
		delete(own, header)
	}
	for header, settings := range own {
		text += header + "\n" + settings
	}
	write(s.t, s.file(), text+realLists)
}

// reconfigure changes the configuration of the running gateway.
func (s *realSite) reconfigure(change *strings.Replacer) {
	s.t.Helper()
	text, err := os.ReadFile(s.file())
	if err != nil {
		s.t.Fatal(err)
	}
	write(s.t, s.file(), change.Replace(string(text)))
	if err := s.process.Process.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
}

func (s *realSite) prepare(args ...string) *exec.Cmd {
	c := exec.Command(s.command, append(args, "--config", s.file())...)
	c.Env = append(os.Environ(), s.env...)
	return c
}

// mmgw runs a command to its end and returns what it printed.
func (s *realSite) mmgw(args ...string) string {
	s.t.Helper()
	c := s.prepare(args...)
	var out, errors bytes.Buffer
	c.Stdout, c.Stderr = &out, &errors
	if err := c.Run(); err != nil {
		s.t.Fatalf("mmgw %s: %v\n%s%s", strings.Join(args, " "), err, &out, &errors)
	}
	return out.String()
}

// serve starts the gateway and returns when it is ready. It ends with the test.
func (s *realSite) serve() {
	s.t.Helper()
	s.process = s.prepare("serve")
	s.process.Stderr = s.log
	out, err := s.process.StdoutPipe()
	if err == nil {
		err = s.process.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		s.process.Process.Signal(syscall.SIGTERM)
		if err := s.process.Wait(); err != nil {
			s.t.Errorf("mmgw serve: %v\n%s", err, s.log)
		}
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "ready" {
			return
		}
	}
	s.t.Fatalf("mmgw serve did not start:\n%s", s.log)
}

func (s *realSite) record(t probe.Transaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = append(s.taken, t)
}

// transactions are those that the next hop took.
func (s *realSite) transactions() []probe.Transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken)
}

// sent are the transactions that the next hop took, with a subject.
func (s *realSite) sent(subject string) []probe.Transaction {
	var found []probe.Transaction
	for _, c := range s.transactions() {
		if bytes.Contains(c.Content, []byte("Subject: "+subject+"\r\n")) {
			found = append(found, c)
		}
	}
	return found
}

// wait returns the transactions with a subject when there are n of them.
func (s *realSite) wait(t *testing.T, subject string, n int) []probe.Transaction {
	t.Helper()
	until(t, func() bool { return len(s.sent(subject)) >= n })
	return s.sent(subject)
}

// realMTA is an MTA that runs.
type realMTA struct {
	smtp   string                    // where it listens
	log    func() string             // what it logged
	queue  func(t *testing.T) string // a listing of the mail that waits
	retry  func(t *testing.T)        // has it try what waits
	client string                    // what it says of a client at clientAddress
	form   string                    // of the reverse-paths of a post, "" for signed
	lists  string                    // where qmail finds lists, after it took their mail; "" for MTAs that answer at RCPT
}

// dial begins a dialogue as a client at clientAddress.
func (m *realMTA) dial(t *testing.T) *smtp.Client {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(clientAddress)}, Timeout: patience}
	conn, err := d.Dial("tcp", m.smtp)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	client, err := smtp.NewClient(conn, "mx.example.com")
	if err == nil {
		err = client.Hello("client.example.net")
	}
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// ask returns the code by which RCPT is refused, 0 where it is not.
func (m *realMTA) ask(t *testing.T, to string) int {
	t.Helper()
	client := m.dial(t)
	defer client.Close()
	if err := client.Mail("poster@example.org"); err != nil {
		t.Fatal(err)
	}
	refused := code(t, client.Rcpt(to))
	client.Quit()
	return refused
}

// knows tells whether mail for a list would reach the gateway.
func (m *realMTA) knows(t *testing.T, local, domain string) bool {
	t.Helper()
	if m.lists == "" {
		return m.ask(t, local+"@"+domain) == 0
	}
	_, err := os.Stat(filepath.Join(m.lists, domain, ".qmail-"+local))
	return err == nil
}

// send has the MTA take a message for one or more recipients.
func (m *realMTA) send(t *testing.T, from, to, subject string, others ...string) {
	t.Helper()
	client := m.dial(t)
	defer client.Close()
	err := client.Mail(from)
	for _, recipient := range append(others, to) {
		if err == nil {
			err = client.Rcpt(recipient)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	content, err := client.Data()
	if err == nil {
		fmt.Fprintf(content, "From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\nhello\r\n", from, to, subject)
		err = content.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	client.Quit()
}

// startDaemon starts an MTA in the foreground and returns when it listens. It
// ends with the test, and its children with it.
func startDaemon(t *testing.T, c *exec.Cmd, address string, log func() string) {
	t.Helper()
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a session is a process group too
	c.WaitDelay = time.Second                          // for output of children that are still ending
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { c.Wait(); close(ended) }()
	t.Cleanup(func() {
		syscall.Kill(c.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
		}
		syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		<-ended
	})
	until(t, func() bool {
		select {
		case <-ended:
			t.Fatalf("%s ended:\n%s", c.Path, log())
		default:
		}
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// lockedBuffer takes the output of a process.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
