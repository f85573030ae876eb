package mta_test

import (
	"cmp"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sendmailAlone starts a Sendmail of its own in the directory of a site, by a
// configuration that m4 makes of the guide's blocks.
func sendmailAlone(t *testing.T, s *realSite) *realMTA {
	root := cmp.Or(os.Getenv("MMGW_SENDMAIL_ROOT"), "/")
	bin := filepath.Join(root, "usr/libexec/sendmail")
	if _, err := os.Stat(filepath.Join(bin, "sendmail")); err != nil {
		t.Skipf("Sendmail is not in %s, which $MMGW_SENDMAIL_ROOT may name", root)
	}
	needsNamespaces(t)
	s.configure(strings.ReplaceAll(s.guide("Sendmail", "mmgw.toml"), "makemap", filepath.Join(bin, "makemap")+" -C /dev/null"))
	if err := os.Mkdir(filepath.Join(s.dir, "mqueue"), 0o700); err != nil {
		t.Fatal(err)
	}
	cf := filepath.Join(s.dir, "sendmail.cf")
	write(t, cf, sendmailConfiguration(t, s, filepath.Join(root, "usr/share/sendmail/cf")))

	// It sleeps for a minute on a machine whose name has no dot.
	write(t, filepath.Join(s.dir, "hosts"), "127.0.0.1 mx.example.com mx localhost\n")
	output, traffic := &lockedBuffer{}, filepath.Join(s.dir, "traffic")
	sendmail := func(args ...string) *exec.Cmd {
		c := exec.Command("unshare", append([]string{"-u", "-m", "sh", "-c",
			`mount --bind "$0" /etc/hosts && hostname mx.example.com && exec "$@"`,
			filepath.Join(s.dir, "hosts"), filepath.Join(bin, "sendmail"), "-C", cf}, args...)...)
		c.Env = append(os.Environ(), "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
		return c
	}
	m := &realMTA{smtp: s.smtp}
	m.log = func() string {
		text, _ := os.ReadFile(traffic)
		return output.String() + string(text)
	}
	m.queue = func(t *testing.T) string {
		out, err := sendmail("-bp").CombinedOutput()
		if err != nil {
			t.Fatalf("sendmail -bp: %v\n%s", err, out)
		}
		return string(out)
	}
	m.retry = func(*testing.T) {} // it does every second
	c := sendmail("-bD", "-q1s", "-X", traffic)
	c.Stdout, c.Stderr = output, output
	startDaemon(t, c, s.smtp, m.log)
	return m
}

// sendmailConfiguration is sendmail.cf: an MTA that has a smart host.
func sendmailConfiguration(t *testing.T, s *realSite, macros string) string {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.smtp)
	sinkHost, sinkPort, _ := net.SplitHostPort(s.sink)
	write(t, filepath.Join(s.dir, "switch"), "hosts files\n")
	write(t, filepath.Join(s.dir, "empty"), "")
	mc := filepath.Join(s.dir, "sendmail.mc")
	write(t, mc, strings.NewReplacer(
		"MACROS", macros, "HERE", s.dir, "LISTENHOST", host, "LISTENPORT", port, "SINKHOST", sinkHost, "SINKPORT", sinkPort,
		"GUIDE features\n", s.guide("Sendmail", "sendmail.mc features"),
		"GUIDE end\n", s.guide("Sendmail", "sendmail.mc end"),
	).Replace("divert(0)dnl\n"+
		"define(`_CF_DIR_', `MACROS/')dnl\n"+
		"include(`MACROS/m4/cf.m4')dnl\n"+
		"OSTYPE(`linux')dnl\n"+
		"define(`confDOMAIN_NAME', `mx.example.com')dnl\n"+
		"define(`QUEUE_DIR', `HERE/mqueue')dnl\n"+
		"define(`confPID_FILE', `HERE/sendmail.pid')dnl\n"+
		"define(`STATUS_FILE', `HERE/statistics')dnl\n"+
		"define(`HELP_FILE', `')dnl\n"+
		"define(`ALIAS_FILE', `')dnl\n"+
		"define(`confCW_FILE', `HERE/empty')dnl\n"+
		"define(`confCT_FILE', `HERE/empty')dnl\n"+
		"define(`confSERVICE_SWITCH_FILE', `HERE/switch')dnl\n"+
		"define(`confDONT_PROBE_INTERFACES', `True')dnl\n"+
		"define(`confTO_IDENT', `0')dnl\n"+
		"define(`confDONT_BLAME_SENDMAIL', `MapInUnsafeDirPath,ClassFileInUnsafeDirPath,IncludeFileInUnsafeDirPath')dnl\n"+ // the directory for temporary files
		"define(`confQUEUE_LA', `1000')define(`confREFUSE_LA', `1000')dnl\n"+
		"define(`SMART_HOST', `relay:[SINKHOST]')dnl\n"+
		"define(`RELAY_MAILER_ARGS', `TCP $h SINKPORT')dnl\n"+
		"DAEMON_OPTIONS(`Name=MTA, Addr=LISTENHOST, Port=LISTENPORT')dnl\n"+
		"FEATURE(`no_default_msa')dnl\n"+
		"FEATURE(`nocanonify')dnl\n"+
		"FEATURE(`accept_unresolvable_domains')dnl\n"+
		"GUIDE features\n"+
		"MAILER(`smtp')dnl\n"+
		"GUIDE end\n"))
	out, err := exec.Command("m4", mc).Output()
	if err != nil {
		t.Fatalf("m4: %v", err)
	}
	return string(out)
}

// needsNamespaces skips the test where a process cannot have mounts of its own:
// it is for MTAs with places that are compiled in.
func needsNamespaces(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("unshare", "-m", "-u", "true").CombinedOutput(); err != nil {
		t.Skipf("no namespaces here: %v %s", err, out)
	}
}
