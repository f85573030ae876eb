package mta_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// qmail is a qmail of its own in the directory of a site: no distribution has a
// package of it, so $QMAIL_TREE names where one is installed. That path is
// compiled into its programs; they find a copy mounted over it.
type qmail struct {
	realMTA
	site *realSite
	tree string
	pid  int // of qmail-send
}

// qmailPlaces mounts the copy of the tree and becomes qmail-send.
const qmailPlaces = `set -e
mount --bind "$0" "$1"
PATH=$1/bin:/usr/bin:/bin
qmail-newu
exec qmail-start '#' cat
`

// qmailAlone starts the qmail of $QMAIL_TREE, or skips the test.
func qmailAlone(t *testing.T, s *realSite) *realMTA {
	t.Helper()
	q := &qmail{site: s, tree: os.Getenv("QMAIL_TREE")}
	if q.tree == "" {
		t.Skip("no tree of qmail: $QMAIL_TREE names none") // and /var/qmail may be one that mail runs through
	}
	needsNamespaces(t)
	s.configure(s.guide("qmail", "mmgw.toml"))
	private := filepath.Join(s.dir, "qmail")
	if out, err := exec.Command("cp", "-a", q.tree, private).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	q.control(t, private)
	output := &lockedBuffer{}
	q.smtp, q.lists = s.smtp, filepath.Join(s.mtaDir(), "home")
	q.log = func() string { return strings.ReplaceAll(output.String(), "_", " ") } // it logs a reply as one word
	q.queue = func(t *testing.T) string { return q.run(t, "qmail-qread") }
	q.retry = func(t *testing.T) {
		if err := syscall.Kill(q.pid, syscall.SIGALRM); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("unshare", "-m", "sh", "-c", qmailPlaces, private, q.tree)
	c.Stdout, c.Stderr = output, output
	listener, err := net.Listen("tcp", s.smtp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	startDaemon(t, c, s.smtp, q.log)
	q.pid = c.Process.Pid
	go q.listen(listener)
	return &q.realMTA
}

// control writes the files of an MTA that has a smart host, with the lines that
// the guide has an administrator take from those of `mmgw mta apply`.
func (q *qmail) control(t *testing.T, private string) {
	t.Helper()
	sinkHost, sinkPort, _ := net.SplitHostPort(q.site.sink)
	rendered := func(name string) string {
		text, err := os.ReadFile(filepath.Join(q.site.mtaDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, text := range map[string]string{
		"control/me":                "mx.example.com\n",
		"control/locals":            "mx.example.com\n",
		"control/rcpthosts":         "mx.example.com\n" + rendered("rcpthosts"),
		"control/virtualdomains":    rendered("virtualdomains"),
		"control/smtproutes":        ":" + sinkHost + ":" + sinkPort + "\n",
		"control/concurrencyremote": "20\n",
		"users/assign":              rendered("assign"),
	} {
		write(t, filepath.Join(private, name), text)
	}
}

// inside is a command that sees the copy of the tree.
func (q *qmail) inside(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-m", "-t", strconv.Itoa(q.pid)}, args...)...)
}

func (q *qmail) run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := q.inside(append([]string{filepath.Join(q.tree, "bin", program)}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}

// listen gives each connection to a qmail-smtpd, which relays for it.
func (q *qmail) listen(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			c := q.inside("env", "RELAYCLIENT=", "TCPREMOTEIP="+clientAddress, filepath.Join(q.tree, "bin", "qmail-smtpd"))
			c.Stdin, c.Stdout = conn, conn
			c.Run() // its end, whatever it is, is the end of the connection
		}()
	}
}
