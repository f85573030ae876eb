package mta_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/probe"
	examples "github.com/mmgw/mmgw/wasm-examples"
)

// The lists of every site. Nobody takes mail for gone@example.net, and
// lab's handler never ends, until the configuration has no handler there.
const realLists = `
[incoming]
handlers = ["client"]
[plugins.spin]
fuel = 1_000_000
[plugins.spin.config]
always = true

[[list]]
address = "dev@lists.example.com"
owners  = ["olga@example.com"]
posting = "anyone"
members = ["anne@example.com", "Bart.Person@example.org", "gone@example.net"]
[[list]]
address = "lab@lists.example.com"
posting = "anyone"
members = ["anne@example.com"]
incoming = ["spin"]
[[list]]
address = "news@virtual.example.org"
alias_domain = "alias.example.org"
posting = "anyone"
members = ["anne@example.com", "gone@example.net"]
`

// clientAddress is where the tests' posts come from. No other process speaks
// from it.
const clientAddress = "127.0.0.2"

// TestRealMTAs lets real MTAs and the gateway do all that they do together, by
// the files that `mmgw mta apply` writes and the blocks of README.md.
func TestRealMTAs(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short: processes of real MTAs")
	}
	command := filepath.Join(openDir(t), "mmgw")
	build(t, command)
	t.Run("configurations of the guide", func(t *testing.T) {
		t.Parallel()
		guideConfigurations(t, command)
	})
	t.Run("a script in qmail's place", func(t *testing.T) {
		t.Parallel()
		qmailScript(t, newRealSite(t, command))
	})
	for name, hookUp := range map[string]func(*testing.T, *realSite) *realMTA{
		"postfix with hash tables":                      postfixWithHash,
		"postfix with lmdb tables":                      postfixWithLMDB,
		"postfix with regexp tables over a Unix socket": postfixWithRegexp,
		"postfix with texthash tables":                  postfixWithTexthash,
		"postfix that asks the gateway":                 postfixWithSocketmap,
		"exim4":                                         eximAlone,
		"sendmail":                                      sendmailAlone,
		"opensmtpd":                                     openSMTPDAlone,
		"qmail":                                         qmailAlone,
	} {
		t.Run(name, func(t *testing.T) {
			if os.Getuid() != 0 {
				t.Skip("not root: MTAs start as root only")
			}
			t.Parallel()
			s := newRealSite(t, command)
			s.everything(hookUp(t, s))
		})
	}
}

// everything is the whole course, step by step, with an MTA that runs.
func (s *realSite) everything(m *realMTA) {
	s.serve()
	steps := []struct {
		name string
		step func(*testing.T, *realMTA)
	}{
		{"unknown lists are refused at RCPT", s.unknownLists},
		{"a post", s.post},
		{"a bounce", s.bounce},
		{"owner mail", s.ownerMail},
		{"a deferral", s.deferral},
		{"a list made at run time", s.newList},
		{"an alias domain", s.aliasDomain},
		{"several lists at once", s.severalLists},
		{"a confirmation", s.confirmation},
	}
	for _, step := range steps {
		if !s.t.Run(step.name, func(t *testing.T) { step.step(t, m) }) {
			s.t.Logf("the MTA:\n%s\nthe gateway:\n%s", m.log(), s.log)
			return
		}
	}
}

func (s *realSite) unknownLists(t *testing.T, m *realMTA) {
	if m.lists != "" {
		s.backscatter(t, m)
		return
	}
	for to, want := range map[string]int{
		"dev@lists.example.com":                  0,
		"DEV-Request@Lists.Example.COM":          0,
		"dev-bounces+a=b.c@lists.example.com":    0,
		"dev-confirm+0123abcd@lists.example.com": 0,
		"nobody@lists.example.com":               550,
		"dev-nothing@lists.example.com":          550,
		"nobody-bounces+a=b.c@lists.example.com": 550,
	} {
		if got := m.ask(t, to); got != want {
			t.Errorf("RCPT TO:<%s>: %d, want %d (0: taken)", to, got, want)
		}
	}
}

// backscatter: mail for nobody is taken, and its sender is told of it.
func (s *realSite) backscatter(t *testing.T, m *realMTA) {
	for _, to := range []string{"nobody@lists.example.com", "dev-nothing@lists.example.com"} {
		m.send(t, "poster@example.org", to, "for nobody")
		until(t, func() bool {
			return slices.ContainsFunc(s.transactions(), func(c probe.Transaction) bool {
				return c.MailFrom == "" && bytes.Contains(c.Content, []byte("<"+to+">:"))
			})
		})
	}
}

// post: each copy leaves through the MTA under a reverse-path that names its
// member, and the handler knew where the post came from if the MTA told it.
func (s *realSite) post(t *testing.T, m *realMTA) {
	m.send(t, "poster@example.org", "dev@lists.example.com", "a post")
	copies := s.wait(t, "a post", 2)
	var members []string
	for _, c := range copies {
		var named struct{ List, Member, Form string }
		s.mmgwJSON(&named, "verp", "decode", c.MailFrom)
		if len(c.Rcpts) != 1 || !strings.EqualFold(named.Member, c.Rcpts[0]) || named.List != "dev@lists.example.com" || named.Form != cmp.Or(m.form, "signed") {
			t.Errorf("the reverse-path %s of the copy for %s says %+v", c.MailFrom, c.Rcpts, named)
		}
		members = append(members, strings.ToLower(named.Member))
		if got := field(t, c, "X-Client"); got != m.client {
			t.Errorf("env.client_ip was %q, want %q", got, m.client)
		}
	}
	slices.Sort(members)
	if !slices.Equal(members, []string{"anne@example.com", "bart.person@example.org"}) {
		t.Errorf("copies for %s", members)
	}
}

// bounce: what the next hop refused for the post came back to the signed
// reverse-path, and is in the book of its member alone.
func (s *realSite) bounce(t *testing.T, _ *realMTA) {
	s.bounced(t, "dev@lists.example.com")
}

// bounced waits until a bounce of gone@example.net is in the book, with the
// status that the MTA gave it, and looks that no other member has one.
func (s *realSite) bounced(t *testing.T, list string) {
	t.Helper()
	type member struct {
		Address    string
		LastBounce string `json:"last_bounce"`
	}
	var rows []member
	until(t, func() bool {
		s.mmgwJSON(&rows, "member", "ls", list)
		return slices.ContainsFunc(rows, func(m member) bool { return m.LastBounce != "" })
	})
	for _, row := range rows {
		if isGone := row.Address == "gone@example.net"; strings.HasPrefix(row.LastBounce, "5.1.1") != isGone {
			t.Errorf("%s has the bounce %q", row.Address, row.LastBounce)
		}
	}
}

func (s *realSite) ownerMail(t *testing.T, m *realMTA) {
	m.send(t, "asker@example.org", "dev-owner@lists.example.com", "a question")
	c := s.wait(t, "a question", 1)[0]
	if !slices.Equal(c.Rcpts, []string{"olga@example.com"}) || c.MailFrom == "asker@example.org" {
		t.Errorf("from %s to %s", c.MailFrom, c.Rcpts)
	}
}

// confirmation: who asks to join is asked back, and becomes a member by an
// answer to the address with a token.
func (s *realSite) confirmation(t *testing.T, m *realMTA) {
	const joiner = "joiner@example.org"
	m.send(t, joiner, "lab-join@lists.example.com", "let me in")
	token := regexp.MustCompile(`lab-confirm\+[^@\s<>]+@lists\.example\.com`)
	confirm := ""
	until(t, func() bool {
		for _, c := range s.transactions() {
			if slices.Contains(c.Rcpts, joiner) {
				confirm = string(token.Find(c.Content))
			}
		}
		return confirm != ""
	})
	m.send(t, joiner, confirm, "Re: confirm")
	until(t, func() bool { return strings.Contains(s.mmgw("member", "ls", "lab@lists.example.com"), joiner) })
}

// deferral: a handler that fails leaves the post in the MTA's queue. It is
// delivered when the handler is away.
func (s *realSite) deferral(t *testing.T, m *realMTA) {
	m.send(t, "poster@example.org", "lab@lists.example.com", "a patient post")
	until(t, func() bool { return strings.Contains(m.log(), "451 4.3.0") })
	if queue := m.queue(t); !strings.Contains(queue, "lab@lists.example.com") {
		t.Fatalf("it is not in the MTA's queue:\n%s", queue)
	}
	if early := s.sent("a patient post"); len(early) != 0 {
		t.Fatalf("it is delivered already: %+v", early)
	}
	s.reconfigure(strings.NewReplacer(`incoming = ["spin"]`, ""))
	until(t, func() bool { m.retry(t); return len(s.sent("a patient post")) == 1 })
	until(t, func() bool { return !strings.Contains(m.queue(t), "lab@lists.example.com") })
}

// newList: serve tells the MTA of a new list by itself.
func (s *realSite) newList(t *testing.T, m *realMTA) {
	const list = "fresh@lists.example.com"
	if m.knows(t, "fresh", "lists.example.com") {
		t.Fatalf("the MTA knows %s before the list is there", list)
	}
	s.mmgw("list", "create", list)
	s.mmgw("member", "add", list, "anne@example.com")
	until(t, func() bool { return m.knows(t, "fresh", "lists.example.com") })
	m.send(t, "anne@example.com", list, "a first post")
	s.wait(t, "a first post", 1)
}

// aliasDomain: a list that the MTA knows under another domain gets its posts
// and its bounces.
func (s *realSite) aliasDomain(t *testing.T, m *realMTA) {
	m.send(t, "poster@example.org", "news@virtual.example.org", "some news")
	if c := s.wait(t, "some news", 1)[0]; !strings.HasSuffix(c.MailFrom, "@virtual.example.org") {
		t.Errorf("the reverse-path is %s", c.MailFrom)
	}
	s.bounced(t, "news@virtual.example.org")
}

// severalLists: a message for two lists comes once to each, whatever the MTA
// makes of two replies.
func (s *realSite) severalLists(t *testing.T, m *realMTA) {
	m.send(t, "poster@example.org", "news@virtual.example.org", "to both", "dev@lists.example.com", "dev-owner@lists.example.com")
	until(t, func() bool { return len(s.sent("to both")) >= 4 && !strings.Contains(m.queue(t), "lists.example.com") })
	got := map[string]int{}
	for _, c := range s.sent("to both") {
		_, domain, _ := strings.Cut(c.MailFrom, "@")
		got[strings.ToLower(strings.Join(c.Rcpts, " "))+" from "+domain]++
	}
	for _, want := range []string{
		"anne@example.com from lists.example.com", "anne@example.com from virtual.example.org",
		"bart.person@example.org from lists.example.com", "olga@example.com from gw.example.com",
	} {
		if got[want] != 1 {
			t.Errorf("%d copies for %s", got[want], want)
		}
	}
}

// field is the value of a field of a copy.
func field(t *testing.T, c probe.Transaction, name string) string {
	t.Helper()
	draft, err := gateway.OpenDraft(gateway.Bytes(c.Content))
	if err != nil {
		t.Fatal(err)
	}
	return draft.Header.Get(name)
}

// code is the code of a reply that is an error of package smtp, 0 for none.
func code(t *testing.T, err error) int {
	t.Helper()
	var reply *textproto.Error
	if err != nil && !errors.As(err, &reply) {
		t.Fatal(err)
	}
	if reply == nil {
		return 0
	}
	return reply.Code
}

// writeModules puts the handlers of realLists into dir.
func writeModules(t *testing.T, dir string) {
	t.Helper()
	client, err := os.ReadFile(filepath.Join("testdata", "client.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	spin, ok := examples.Lookup("spin")
	if !ok {
		t.Fatal("there is no example spin")
	}
	write(t, filepath.Join(dir, "client.wasm"), string(client))
	write(t, filepath.Join(dir, "spin.wasm"), string(spin))
}

// mmgwJSON runs mmgw --json and decodes what it prints.
func (s *realSite) mmgwJSON(v any, args ...string) {
	s.t.Helper()
	if out := s.mmgw(append(args, "--json")...); json.Unmarshal([]byte(out), v) != nil {
		s.t.Fatalf("mmgw %s printed %s", strings.Join(args, " "), out)
	}
}

// TestClientModuleIsBuiltFromItsSource compares testdata/client.wasm with what
// its source gives.
func TestClientModuleIsBuiltFromItsSource(t *testing.T) {
	tool, err := exec.LookPath("wat2wasm")
	if err != nil {
		t.Skip("wat2wasm (of wabt) is not installed")
	}
	built := filepath.Join(t.TempDir(), "client.wasm")
	if out, err := exec.Command(tool, "testdata/client.wat", "-o", built).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want, err := os.ReadFile(built)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("testdata/client.wasm"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("testdata/client.wasm is not built from client.wat (%v)", err)
	}
}
