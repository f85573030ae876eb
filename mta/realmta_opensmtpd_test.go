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

// openSMTPDPlaces are compiled in: it gets them in mounts of its own.
const openSMTPDPlaces = `set -e
dir=$0 root=$1
shift
mount -t tmpfs none /var/spool
mount -t tmpfs none /var/lib
mount -t tmpfs none /usr/libexec
mount -t tmpfs none /run
mkdir -m 711 /var/spool/smtpd
mkdir -m 711 -p /var/lib/opensmtpd/empty
mkdir /usr/libexec/opensmtpd
mount --bind "$root/usr/libexec/opensmtpd" /usr/libexec/opensmtpd
exec "$root/usr/sbin/smtpd" -f "$dir/smtpd.conf" "$@"
`

// openSMTPDAlone starts an OpenSMTPD in the directory of a site.
func openSMTPDAlone(t *testing.T, s *realSite) *realMTA {
	root := cmp.Or(os.Getenv("MMGW_OPENSMTPD_ROOT"), "/")
	if _, err := os.Stat(filepath.Join(root, "usr/libexec/opensmtpd/mail.lmtp")); err != nil {
		t.Skipf("OpenSMTPD is not in %s, which $MMGW_OPENSMTPD_ROOT may name", root)
	}
	for _, name := range []string{"opensmtpd", "opensmtpq"} {
		if _, err := user.Lookup(name); err != nil {
			t.Skipf("OpenSMTPD is not set up here: %v", err)
		}
	}
	needsNamespaces(t)
	control := filepath.Join(s.dir, "smtpctl")
	s.writeConfiguration(strings.ReplaceAll(s.guide("OpenSMTPD", "mmgw.toml"), "smtpctl", control))
	first := s.prepare("mta", "apply")
	if out, _ := first.CombinedOutput(); first.ProcessState.ExitCode() != 75 {
		t.Fatalf("the first mmgw mta apply: %v\n%s", first.ProcessState, out)
	}
	host, port, _ := net.SplitHostPort(s.smtp)
	write(t, filepath.Join(s.dir, "smtpd.conf"), strings.NewReplacer(
		"HOST", host, "PORT", port, "SINK", s.sink, "GUIDE\n", s.guide("OpenSMTPD", "smtpd.conf"),
	).Replace(`smtp max-message-size 50M
GUIDE
listen on HOST port PORT hostname mx.example.com
action "out" relay host "smtp+notls://SINK"
match from local for any action "out"
`))
	output := &lockedBuffer{}
	m := &realMTA{smtp: s.smtp, log: output.String}
	c := exec.Command("unshare", "-m", "sh", "-c", openSMTPDPlaces, s.dir, root, "-d", "-v")
	c.Stdout, c.Stderr = output, output
	run := func(t *testing.T, args ...string) string {
		out, err := exec.Command(control, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("smtpctl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	m.queue = func(t *testing.T) string { return run(t, "show", "queue") }
	m.retry = func(t *testing.T) { run(t, "schedule", "all") }
	startDaemon(t, c, s.smtp, m.log)
	write(t, control, "#!/bin/sh\nexec nsenter -m -t "+strconv.Itoa(c.Process.Pid)+" "+root+"/usr/sbin/smtpctl \"$@\"\n")
	if err := os.Chmod(control, 0o755); err != nil {
		t.Fatal(err)
	}
	return m
}
