package mta_test

import (
	"cmp"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// postfix is a Postfix of its own in the directory of a site.
type postfix struct {
	realMTA
	t       *testing.T
	site    *realSite
	root    string // of the tree that the package was unpacked in, or /
	etc     string
	spool   string
	owner   string // of the queue
	group   string // of the commands that submit mail
	postmap string
	reload  string // the command that has it read its tables again
}

// virtualDomain is the line of main.cf for the site that has an alias domain.
const virtualDomain = "virtual_alias_domains = virtual.example.org\n"

func postfixWithHash(t *testing.T, s *realSite) *realMTA {
	p := newPostfix(t, s)
	s.configure("[mta.configuration]\npostmap_command = \"" + p.postmap + "\"\n")
	lines := s.guide("Postfix", "main.cf")
	rendered, err := os.ReadFile(filepath.Join(s.mtaDir(), "postfix_main.cf"))
	if _, settings, _ := strings.Cut(string(rendered), "\n\n"); settings != lines {
		t.Errorf("postfix_main.cf is not what README.md shows (%v):\n%s", err, settings)
	}
	p.configure(lines + virtualDomain)
	return &p.realMTA
}

// postfixWithLMDB loads a table type that Debian has in a package of its own.
func postfixWithLMDB(t *testing.T, s *realSite) *realMTA {
	p := newPostfix(t, s)
	const library = "postfix-lmdb.so"
	if _, err := os.Stat(filepath.Join(p.libraries(), library)); err != nil {
		t.Skipf("Postfix has no lmdb here, the package postfix-lmdb: %v", err)
	}
	write(t, filepath.Join(p.etc, "dynamicmaps.cf"), "lmdb "+library+" dict_lmdb_open mkmap_lmdb_open\n")
	s.configure("[mta.configuration]\ntransport_file_type = \"lmdb\"\npostmap_command = \"" + p.postmap + "\"\n")
	p.configure(strings.ReplaceAll(s.guide("Postfix", "main.cf"), "hash:", "lmdb:") + virtualDomain)
	return &p.realMTA
}

func postfixWithRegexp(t *testing.T, s *realSite) *realMTA {
	p := newPostfix(t, s)
	socket := filepath.Join(s.dir, "lmtp.sock")
	s.configure(p.withReload(s.guide("Postfix", "mmgw.toml for regexp")) +
		"[mta]\nlmtp_socket = \"" + socket + "\"\nlmtp_advertise = \"unix:" + socket + "\"\n[lmtp]\nsocket_mode = \"0666\"\n")
	p.configure(s.byHand() + virtualDomain)
	return &p.realMTA
}

func postfixWithTexthash(t *testing.T, s *realSite) *realMTA {
	p := newPostfix(t, s)
	s.configure(strings.ReplaceAll(p.withReload(s.guide("Postfix", "mmgw.toml for regexp")), "regexp", "texthash"))
	p.configure(strings.ReplaceAll(s.guide("Postfix", "main.cf"), "hash:", "texthash:") + virtualDomain)
	return &p.realMTA
}

// postfixWithSocketmap has no files: not even a list made at run time needs one.
func postfixWithSocketmap(t *testing.T, s *realSite) *realMTA {
	p := newPostfix(t, s)
	s.configure(s.guide("Postfix", "mmgw.toml for socketmap"))
	p.configure(s.guide("Postfix", "main.cf for socketmap") + virtualDomain)
	return &p.realMTA
}

// withReload has the command of this Postfix in place of the guide's.
func (p *postfix) withReload(block string) string {
	return strings.ReplaceAll(block, "postfix reload", p.reload)
}

// byHand are the lines for main.cf that `mmgw mta show` prints.
func (s *realSite) byHand() string {
	s.t.Helper()
	var shown struct {
		ByHand string `json:"by_hand"`
	}
	s.mmgwJSON(&shown, "mta", "show")
	var lines strings.Builder
	for _, line := range regexp.MustCompile(`(?m)^  \w+ = .*$`).FindAllString(shown.ByHand, -1) {
		lines.WriteString(strings.TrimSpace(line) + "\n")
	}
	return lines.String()
}

// postfixDaemons are the places of Postfix's daemons: Debian's and its own.
var postfixDaemons = []string{"usr/lib/postfix/sbin", "usr/libexec/postfix"}

// newPostfix starts a Postfix, or skips the test where there is none.
func newPostfix(t *testing.T, s *realSite) *postfix {
	t.Helper()
	p := &postfix{
		t: t, site: s, root: cmp.Or(os.Getenv("MMGW_POSTFIX_ROOT"), "/"),
		etc: filepath.Join(s.dir, "etc"), spool: filepath.Join(s.dir, "spool"),
		owner: existingUser("postfix", "daemon"), group: existingGroup("postdrop", "mail"),
	}
	if p.daemons() == "" {
		t.Skipf("Postfix is not in %s, which $MMGW_POSTFIX_ROOT may name", p.root)
	}
	p.postmap = filepath.Join(p.root, "usr/sbin/postmap")
	p.reload = filepath.Join(p.root, "usr/sbin/postfix") + " -c " + p.etc + " reload"
	s.env = p.environment()
	p.smtp, p.client, p.form = s.smtp, clientAddress, "shared" // by XFORWARD and XVERP
	p.queue = func(t *testing.T) string { return p.run(t, "postqueue", "-c", p.etc, "-p") }
	p.retry = func(t *testing.T) { p.run(t, "postqueue", "-c", p.etc, "-f") }
	p.layOut()
	p.start()
	return p
}

func existingUser(name, instead string) string {
	if _, err := user.Lookup(name); err != nil {
		return instead
	}
	return name
}

func existingGroup(name, instead string) string {
	if _, err := user.LookupGroup(name); err != nil {
		return instead
	}
	return name
}

func (p *postfix) daemons() string {
	for _, dir := range postfixDaemons {
		if _, err := os.Stat(filepath.Join(p.root, dir, "master")); err == nil {
			return filepath.Join(p.root, dir)
		}
	}
	return ""
}

func (p *postfix) libraries() string { return filepath.Join(p.root, "usr/lib/postfix") }

func (p *postfix) environment() []string {
	return []string{"LD_LIBRARY_PATH=" + p.libraries(), "MAIL_CONFIG=" + p.etc}
}

// run runs a command of Postfix.
func (p *postfix) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	c := exec.Command(filepath.Join(p.root, "usr/sbin", name), args...)
	c.Env = append(os.Environ(), p.environment()...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// layOut makes the queue's directories with the owners that Postfix wants.
func (p *postfix) layOut() {
	p.t.Helper()
	owner, group := p.ids()
	make := func(name string, mode os.FileMode, uid, gid int) {
		path := filepath.Join(p.site.dir, name)
		if err := os.Mkdir(path, mode); err != nil {
			p.t.Fatal(err)
		}
		if err := os.Chown(path, uid, gid); err != nil {
			p.t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask
			p.t.Fatal(err)
		}
	}
	make("etc", 0o755, 0, 0)
	make("data", 0o700, owner, 0)
	make("spool", 0o755, 0, 0)
	make("spool/pid", 0o755, 0, 0)
	make("spool/public", 0o710, owner, group)
	make("spool/maildrop", 0o730, owner, group)
	for _, name := range strings.Fields("active bounce corrupt defer deferred flush hold incoming private saved trace") {
		make("spool/"+name, 0o700, owner, 0)
	}
}

func (p *postfix) ids() (owner, group int) {
	p.t.Helper()
	u, err := user.Lookup(p.owner)
	if err != nil {
		p.t.Fatal(err)
	}
	g, err := user.LookupGroup(p.group)
	if err != nil {
		p.t.Fatal(err)
	}
	owner, _ = strconv.Atoi(u.Uid)
	group, _ = strconv.Atoi(g.Gid)
	return owner, group
}

// main is main.cf without what the gateway needs: an MTA that has a smart host,
// and whose processes do not end of themselves before they are needed.
func (p *postfix) main() string {
	return strings.NewReplacer(
		"DIR", p.site.dir, "ROOT", strings.TrimSuffix(p.root, "/"), "DAEMONS", p.daemons(), "LIBRARIES", p.libraries(),
		"OWNER", p.owner, "GROUP", p.group, "SINK", bracketed(p.site.sink),
	).Replace(`compatibility_level = 3.6
queue_directory = DIR/spool
data_directory = DIR/data
command_directory = ROOT/usr/sbin
daemon_directory = DAEMONS
shlib_directory = LIBRARIES
meta_directory = DIR/etc
import_environment = MAIL_CONFIG LD_LIBRARY_PATH=LIBRARIES
mail_owner = OWNER
setgid_group = GROUP
maillog_file = /dev/stdout
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.com
mydestination = mx.example.com
mynetworks = 127.0.0.0/8
relayhost = SINK
alias_maps =
alias_database =
smtpd_peername_lookup = no
max_use = 100000
`)
}

// bracketed is an address as next hops are written.
func bracketed(address string) string {
	host, port, _ := strings.Cut(address, ":")
	return "[" + host + "]:" + port
}

// master is master.cf: the services that take and pass on mail, none in a
// chroot.
func (p *postfix) master() string {
	return p.site.smtp + ` inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`
}

// start starts Postfix without the lines of the gateway.
func (p *postfix) start() {
	p.t.Helper()
	write(p.t, filepath.Join(p.etc, "main.cf"), p.main())
	write(p.t, filepath.Join(p.etc, "master.cf"), p.master())
	log := &lockedBuffer{}
	p.log = log.String
	c := exec.Command(filepath.Join(p.daemons(), "master"), "-s", "-c", p.etc)
	c.Env = append(os.Environ(), p.environment()...)
	c.Stdout, c.Stderr = log, log
	startDaemon(p.t, c, p.smtp, p.log)
}

// configure adds lines to main.cf.
func (p *postfix) configure(lines string) {
	p.t.Helper()
	write(p.t, filepath.Join(p.etc, "main.cf"), p.main()+lines)
	p.run(p.t, "postfix", "-c", p.etc, "reload")
}
