package mta_test

import (
	"cmp"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// exim is an Exim of its own in the directory of a site.
type exim struct {
	realMTA
	t      *testing.T
	site   *realSite
	binary string
	conf   string
}

// eximUser is the user that Debian's Exim runs as; it does not start without.
const eximUser = "Debian-exim"

func eximAlone(t *testing.T, s *realSite) *realMTA {
	e := newExim(t, s)
	s.configure(s.guide("Exim", "mmgw.toml"))
	e.start()
	return &e.realMTA
}

// newExim finds Exim, or skips the test. It works with a copy of the binary:
// without the setuid bit it keeps to its own files, and its user can run it
// whatever directory the package was unpacked in.
func newExim(t *testing.T, s *realSite) *exim {
	t.Helper()
	found, err := exec.LookPath(cmp.Or(os.Getenv("MMGW_EXIM"), "exim4"))
	if err != nil {
		t.Skipf("Exim is not here, which $MMGW_EXIM may name: %v", err)
	}
	u, err := user.Lookup(eximUser)
	if err != nil {
		t.Skipf("Exim is not set up here: %v", err)
	}
	e := &exim{t: t, site: s, binary: filepath.Join(s.dir, "exim4"), conf: filepath.Join(s.dir, "exim.conf")}
	e.smtp = s.smtp
	e.queue = func(t *testing.T) string { return e.run(t, "-bp") }
	e.retry = func(*testing.T) {} // it does every second
	e.log = func() string {
		text, _ := os.ReadFile(filepath.Join(s.dir, "spool", "mainlog"))
		return string(text)
	}
	program, err := os.ReadFile(found)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(e.binary, program, 0o755); err != nil {
		t.Fatal(err)
	}
	spool := filepath.Join(s.dir, "spool")
	if err := os.Mkdir(spool, 0o750); err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(spool, uid, gid); err != nil {
		t.Fatal(err)
	}
	return e
}

// run runs Exim as a command.
func (e *exim) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(e.binary, append([]string{"-C", e.conf}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("exim4 %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// configuration has the blocks of the guide. For the rest it is an MTA that has a smart host and tries
// again every second.
func (e *exim) configuration() string {
	host, port, _ := net.SplitHostPort(e.site.smtp)
	sinkHost, sinkPort, _ := net.SplitHostPort(e.site.sink)
	return strings.NewReplacer(
		"DIR", e.site.dir, "HOST", host, "PORT", port, "SINK", sinkHost, "HOLE", sinkPort,
		"GUIDE main\n", e.site.guide("Exim", "exim4.conf main"),
		"GUIDE routers\n", e.site.guide("Exim", "exim4.conf routers"),
		"GUIDE transports\n", e.site.guide("Exim", "exim4.conf transports"),
	).Replace(`exim_path = DIR/exim4
primary_hostname = mx.example.com
spool_directory = DIR/spool
log_file_path = DIR/spool/%slog
pid_file_path = DIR/spool/exim.pid
daemon_smtp_ports = PORT
local_interfaces = HOST
tls_advertise_hosts =
deliver_drop_privilege
rfc1413_query_timeout = 0s
host_lookup =
keep_environment =
GUIDE main
hostlist relay_from_hosts = 127.0.0.0/8
acl_smtp_rcpt = rcpt

begin acl
rcpt:
  accept domains = +relay_to_domains
         endpass
         verify = recipient
  accept hosts = +relay_from_hosts
  deny

begin routers
GUIDE routers
smarthost:
  driver = manualroute
  domains = ! +relay_to_domains
  transport = remote_smtp
  route_list = * SINK
  self = send

begin transports
GUIDE transports
remote_smtp:
  driver = smtp
  port = HOLE
  allow_localhost

begin retry
* * F,1h,1s
`)
}

// start starts Exim.
func (e *exim) start() {
	e.t.Helper()
	write(e.t, e.conf, e.configuration())
	output := &lockedBuffer{}
	c := exec.Command(e.binary, "-C", e.conf, "-bdf", "-q1s")
	c.Stdout, c.Stderr = output, output
	startDaemon(e.t, c, e.smtp, func() string { return output.String() + e.log() })
}
