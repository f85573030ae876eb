package mta_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/mta/check"
)

// check runs `mmgw mta check` and looks that it exits as it should.
func (s *realSite) check(t *testing.T) []check.Finding {
	t.Helper()
	out, err := s.prepare("mta", "check", "--json").Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("mmgw mta check: %v\n%s", err, out)
	}
	var found []check.Finding
	if json.Unmarshal(out, &found) != nil || (len(found) > 0) != (err != nil) {
		t.Fatalf("mmgw mta check: %v\n%s", err, out)
	}
	return found
}

// lineOf is the line of a file that begins with a text, from 1.
func lineOf(t *testing.T, file, begins string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, begins) {
			return i + 1
		}
	}
	return 0
}

// TestMTACheck lets `mmgw mta check` find what is wrong with a real Postfix,
// one thing after the other, and nothing where nothing is.
func TestMTACheck(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short: processes of real MTAs")
	}
	if os.Getuid() != 0 {
		t.Skip("not root: MTAs start as root only")
	}
	command := filepath.Join(t.TempDir(), "mmgw")
	build(t, command)
	s := newRealSite(t, command)
	p := newPostfix(t, s)
	s.configure("[mta.configuration]\npostmap_command = \"" + p.postmap + "\"\n")
	main := filepath.Join(p.etc, "main.cf")
	good := s.byHand() + virtualDomain + "smtpd_forbid_bare_newline = normalize\n"

	t.Run("nothing is wrong", func(t *testing.T) {
		s.serve()
		p.configure(good)
		for _, f := range s.check(t) {
			t.Errorf("found %+v", f)
		}
	})
	for _, c := range []struct {
		name         string
		old, now     string // in main.cf
		finding, fix string // patterns
		line         string // the finding names the line that begins so
	}{
		{"Debian 12's default", "smtpd_forbid_bare_newline = normalize\n", "",
			`smtpd_forbid_bare_newline is "no"`, `^smtpd_forbid_bare_newline = normalize$`, ""},
		{"another transport", "transport_maps = hash:", "transport_maps = inline:{a.example=smtp:}\nnothing = hash:",
			`^transport_maps lacks hash:`, `^transport_maps = inline:{a.example=smtp:}, hash:.*postfix_lmtp$`, "transport_maps"},
		{"no recipients", regexp.MustCompile(`(?m)^relay_recipient_maps = .*$`).FindString(good), "",
			`relay_recipient_maps lacks hash:.*postfix_lmtp`, `^relay_recipient_maps = hash:.*postfix_lmtp$`, ""},
		{"another delimiter", "recipient_delimiter = +", "recipient_delimiter = -",
			`recipient_delimiter is "-"`, `^recipient_delimiter = -\+$`, "recipient_delimiter"},
		{"a domain of its own", "virtual_alias_domains = ", "mydestination = mx.example.com, lists.example.com\nvirtual_alias_domains = ",
			`^mydestination has lists.example.com`, `^mydestination = mx.example.com$`, "mydestination = mx.example.com, "},
		{"a domain in a table", "virtual_alias_domains = ", "virtual_mailbox_domains = inline:{lists.example.com=x}\nvirtual_alias_domains = ",
			`^virtual_mailbox_domains has lists.example.com in inline:`, `take lists.example.com out`, ""},
		{"special owners", "owner_request_special = no", "owner_request_special = yes",
			`owner_request_special is "yes"`, `^owner_request_special = no$`, "owner_request_special"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := strings.Replace(good, c.old, c.now, 1)
			if bad == good {
				t.Fatal("nothing was made wrong")
			}
			p.configure(bad)
			f := find(t, s.check(t), c.finding)
			if !regexp.MustCompile(c.fix).MatchString(f.Fix) {
				t.Errorf("the fix is %q", f.Fix)
			}
			want := 0
			if c.line != "" {
				want = lineOf(t, main, c.line)
			}
			if f.Line != want {
				t.Errorf("the line is %d, want %d", f.Line, want)
			}
		})
	}
	t.Run("files", func(t *testing.T) { s.checkFiles(t, p, good) })
}

// TestMTACheckExim: the same for Exim, which is asked how it routes.
func TestMTACheckExim(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short: processes of real MTAs")
	}
	if os.Getuid() != 0 {
		t.Skip("not root: MTAs start as root only")
	}
	command := filepath.Join(t.TempDir(), "mmgw")
	build(t, command)
	s := newRealSite(t, command)
	e := newExim(t, s)
	s.configure("[mta]\nincoming = \"exim4\"\n[mta.configuration]\nexim_command = \"" + e.binary + " -C " + e.conf + "\"\n")
	e.start()
	s.serve()
	for _, f := range s.check(t) {
		t.Errorf("found %+v", f)
	}
	receipt := filepath.Join(s.mtaDir(), "lists", "dev.lists.example.com")
	if err := os.Rename(receipt, receipt+".away"); err != nil {
		t.Fatal(err)
	}
	found := s.check(t)
	find(t, found, `^Exim does not hand dev@lists.example.com to the gateway`)
	find(t, found, `^the MTA refuses mail for dev@lists.example.com: 550`)
	find(t, found, `^the files are not those of the present lists`)
}

// checkFiles makes the files wrong, with main.cf as it should be.
func (s *realSite) checkFiles(t *testing.T, p *postfix, good string) {
	p.configure(good)
	table := filepath.Join(s.mtaDir(), "postfix_lmtp")
	compiled, err := os.ReadFile(table + ".db")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name          string
		wrong, repair func() error
		finding, fix  string
	}{
		{"the table is not readable", func() error { return os.Chmod(table+".db", 0o600) }, func() error { return os.Chmod(table+".db", 0o644) },
			`has mode 0600`, `^chmod o\+r .*postfix_lmtp.db$`},
		{"the directory cannot be passed", func() error { return os.Chmod(s.dir, 0o700) }, func() error { return os.Chmod(s.dir, 0o755) },
			`has mode 0700`, `^chmod o\+x `},
		{"the table is gone", func() error { return os.Remove(table + ".db") }, func() error { return os.WriteFile(table+".db", compiled, 0o644) },
			`is not there`, `^mmgw mta apply$`},
	} {
		if err := c.wrong(); err != nil {
			t.Fatal(err)
		}
		f := find(t, s.check(t), c.finding)
		if err := c.repair(); err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(c.fix).MatchString(f.Fix) {
			t.Errorf("%s: the fix is %q", c.name, f.Fix)
		}
	}
}

// find is the finding that a pattern matches.
func find(t *testing.T, found []check.Finding, pattern string) check.Finding {
	t.Helper()
	for _, f := range found {
		if regexp.MustCompile(pattern).MatchString(f.Finding) {
			return f
		}
	}
	t.Fatalf("not found: %s; but %+v", pattern, found)
	return check.Finding{}
}
