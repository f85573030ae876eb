package main

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// smtpd starts a Postfix that takes mail, syncs it and hands it to its discard
// service, unless more lines of main.cf say otherwise, and returns its address;
// "" where none can be started.
func (t *postfixTools) smtpd(b *testing.B, more string) string {
	b.Helper()
	daemons := t.daemons()
	if daemons == "" || os.Getuid() != 0 {
		b.Logf("no Postfix in %s, or not root: its smtpd is not measured", t.root)
		return ""
	}
	owner, group := firstUser("postfix", "daemon"), firstGroup("postdrop", "mail")
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(group.Gid)
	for _, d := range []struct {
		name     string
		mode     os.FileMode
		uid, gid int
	}{
		{"etc", 0o755, 0, 0}, {"data", 0o700, uid, 0}, {"queue", 0o755, 0, 0}, {"queue/pid", 0o755, 0, 0},
		{"queue/public", 0o710, uid, gid}, {"queue/maildrop", 0o730, uid, gid},
	} {
		t.make(b, d.name, d.mode, d.uid, d.gid)
	}
	for _, name := range strings.Fields("active bounce corrupt defer deferred flush hold incoming private saved trace") {
		t.make(b, "queue/"+name, 0o700, uid, 0)
	}
	address := freeAddress(b)
	t.write(b, "etc/main.cf", strings.NewReplacer(
		"DIR", t.dir, "ROOT", strings.TrimSuffix(t.root, "/"), "DAEMONS", daemons, "OWNER", owner.Username, "GROUP", group.Name,
	).Replace(smtpdMain)+more)
	t.write(b, "etc/master.cf", address+smtpdMaster)
	t.start(b, address, t.command(filepath.Join(strings.TrimPrefix(daemons, t.root), "master"), "-s", "-c", filepath.Join(t.dir, "etc")))
	return address
}

// smtpdMain is main.cf: nothing is looked up, all that is taken is discarded.
const smtpdMain = `compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/data
command_directory = ROOT/usr/sbin
daemon_directory = DAEMONS
shlib_directory = ROOT/usr/lib/postfix
meta_directory = DIR/etc
import_environment = MAIL_CONFIG LD_LIBRARY_PATH=ROOT/usr/lib/postfix
mail_owner = OWNER
setgid_group = GROUP
maillog_file = /dev/stdout
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.com
mydestination = lists.example.com
local_recipient_maps =
local_transport = discard
default_transport = discard
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
in_flow_delay = 0
max_use = 100000
`

// smtpdMaster is what follows the address in master.cf.
const smtpdMaster = ` inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
smtp unix - - n - - smtp
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`

func (t *postfixTools) daemons() string {
	for _, dir := range []string{"usr/lib/postfix/sbin", "usr/libexec/postfix"} {
		if _, err := os.Stat(filepath.Join(t.path(dir), "master")); err == nil {
			return t.path(dir)
		}
	}
	return ""
}

func (t *postfixTools) make(b *testing.B, name string, mode os.FileMode, uid, gid int) {
	b.Helper()
	path := filepath.Join(t.dir, name)
	if err := os.Mkdir(path, mode); err != nil {
		b.Fatal(err)
	}
	if err := os.Chown(path, uid, gid); err != nil {
		b.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		b.Fatal(err)
	}
}

func (t *postfixTools) write(b *testing.B, name, text string) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(t.dir, name), []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
}

// firstUser is the first of two users that exists.
func firstUser(name, instead string) *user.User {
	u, err := user.Lookup(name)
	if err != nil {
		u, _ = user.Lookup(instead)
	}
	return u
}

func firstGroup(name, instead string) *user.Group {
	g, err := user.LookupGroup(name)
	if err != nil {
		g, _ = user.LookupGroup(instead)
	}
	return g
}
