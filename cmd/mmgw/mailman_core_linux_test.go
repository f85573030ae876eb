package main

import (
	"bufio"
	"cmp"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/probe"
)

// mailman is the core of a GNU Mailman 3 as Debian packages it, with a state of
// its own. Its runners go without their master, so that one can be down alone,
// and those that nothing here needs cost nothing.
type mailman struct {
	t       testing.TB
	root    string
	dir     string
	lmtp    string // takes mail
	runners map[string]*exec.Cmd
}

// newMailman makes the state of a core that takes mail at one address and sends
// it to another. more are lines of its [mta].
func newMailman(t testing.TB, lmtp, smtp, more string) *mailman {
	t.Helper()
	m := &mailman{t: t, root: cmp.Or(os.Getenv("MMGW_MAILMAN_ROOT"), "/"), dir: t.TempDir(), lmtp: lmtp, runners: map[string]*exec.Cmd{}}
	if _, err := os.Stat(m.program("runner")); err != nil {
		t.Skipf("GNU Mailman 3 is not in %s, which $MMGW_MAILMAN_ROOT may name", m.root)
	}
	_, lmtpPort, _ := net.SplitHostPort(lmtp)
	smtpHost, smtpPort, _ := net.SplitHostPort(smtp)
	text := strings.NewReplacer("lmtp_port: 8025", "lmtp_port: "+lmtpPort, "localhost", smtpHost, "smtp_port: 25", "smtp_port: "+smtpPort).Replace(mailmanBlock(t, "mailman.cfg"))
	text = strings.ReplaceAll(mailmanCFG, "DIR", m.dir) + text + more
	if err := os.WriteFile(filepath.Join(m.dir, "mailman.cfg"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

// mailmanBlock is what the guide has an operator put into a file.
func mailmanBlock(t testing.TB, file string) string {
	t.Helper()
	guide, err := os.ReadFile(filepath.Join("..", "..", "mta", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(guide), "\n## GNU Mailman 3\n")
	_, block, ok := strings.Cut(section, " "+file+"\n")
	block, _, closed := strings.Cut(block, "```")
	if !ok || !closed {
		t.Fatalf("the guide has no %s for GNU Mailman", file)
	}
	return block
}

// mailmanCFG goes in front of the guide's.
const mailmanCFG = `[mailman]
site_owner: site@example.com
layout: here
[paths.here]
var_dir: DIR/var
[runner.in]
sleep_time: 0.1s
[runner.pipeline]
sleep_time: 0.1s
[runner.out]
sleep_time: 0.1s
[runner.command]
sleep_time: 0.1s
[runner.virgin]
sleep_time: 0.1s
`

func (m *mailman) program(name string) string {
	return filepath.Join(m.root, "usr/lib/mailman3/bin", name)
}

// python runs Debian's own, which the modules of the package are for.
func (m *mailman) python(args ...string) *exec.Cmd {
	c := exec.Command("/usr/bin/python3", args...)
	c.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(m.root, "usr/lib/python3/dist-packages"),
		"MAILMAN_CONFIG_FILE="+filepath.Join(m.dir, "mailman.cfg"))
	return c
}

// create makes a list by the core's own commands.
func (m *mailman) create(list string, members ...string) {
	m.t.Helper()
	m.command("", "create", list)
	m.command(strings.Join(members, "\n"), "addmembers", "-", list)
}

func (m *mailman) remove(list string) {
	m.t.Helper()
	m.command("", "remove", list)
}

func (m *mailman) command(input string, args ...string) {
	m.t.Helper()
	c := m.python(append([]string{m.program("mailman"), "--run-as-root"}, args...)...)
	c.Stdin = strings.NewReader(input)
	if out, err := c.CombinedOutput(); err != nil {
		m.t.Fatalf("mailman %s: %v\n%s", args, err, out)
	}
}

// start starts runners; the one for LMTP takes mail when it returns.
func (m *mailman) start(names ...string) {
	m.t.Helper()
	for _, name := range names {
		c := m.python(m.program("runner"), "--runner", name)
		c.Stdout, c.Stderr = os.Stderr, os.Stderr
		if err := c.Start(); err != nil {
			m.t.Fatal(err)
		}
		m.runners[name] = c
		m.t.Cleanup(func() { m.kill(name) })
	}
	listens(m.t, m.lmtp)
}

func (m *mailman) kill(name string) {
	if c := m.runners[name]; c != nil {
		delete(m.runners, name)
		c.Process.Kill()
		c.Wait()
	}
}

// lockDatabase has another process hold the database until unlock is called.
func (m *mailman) lockDatabase() (unlock func()) {
	m.t.Helper()
	c := m.python("-c", mailmanLock, filepath.Join(m.dir, "var/data/mailman.db"))
	in, err := c.StdinPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		m.t.Fatal(err)
	}
	unlock = sync.OnceFunc(func() {
		in.Close()
		c.Wait()
	})
	if said, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		unlock()
		m.t.Fatalf("the lock: %q, %v", said, err)
	}
	return unlock
}

const mailmanLock = `import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=60)
database.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
`

var mailmanSent = regexp.MustCompile(`for (\d+) recips, completed in ([0-9.]+) seconds`)

// rate hands a post in, waits until the core has sent it, and returns the copies
// a second that its log tells.
func (m *mailman) rate(from gateway.ReversePath, to gateway.ForwardPath, content []byte) float64 {
	m.t.Helper()
	client, err := probe.Dial(m.t.Context(), m.lmtp)
	if err != nil {
		m.t.Fatal(err)
	}
	defer client.Close()
	before := len(mailmanSent.FindAllString(m.logs(), -1))
	replies, err := client.Send(m.t.Context(), from, []gateway.ForwardPath{to}, content)
	if err != nil || replies[0].Status.Class() != gateway.Success {
		m.t.Fatalf("%v, %v", replies, err)
	}
	for late := time.Now().Add(patience); ; pause(m.t.Context(), 100*time.Millisecond) {
		if sent := mailmanSent.FindAllStringSubmatch(m.logs(), -1); len(sent) > before {
			copies, _ := strconv.ParseFloat(sent[before][1], 64)
			seconds, _ := strconv.ParseFloat(sent[before][2], 64)
			return copies / seconds
		}
		if time.Now().After(late) {
			m.t.Fatalf("nothing was sent:\n%s", m.logs())
		}
	}
}

// logs is what the core wrote down.
func (m *mailman) logs() string {
	var all strings.Builder
	names, _ := filepath.Glob(filepath.Join(m.dir, "var/logs/*"))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err == nil && len(text) > 0 {
			all.WriteString(filepath.Base(name) + ":\n" + string(text))
		}
	}
	return all.String()
}
