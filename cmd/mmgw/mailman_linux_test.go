package main

import (
	"fmt"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/probe"
)

// TestMailman has a real GNU Mailman 3 behind a forward route. What comes by LMTP
// goes through the gateway to the core, and what that sends is taken by the
// upstream MTA of both.
func TestMailman(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short: processes of GNU Mailman")
	}
	lmtp := freeAddress(t)
	s := newSite(t, strings.ReplaceAll(mailmanBlock(t, "mmgw.toml"), "127.0.0.1:8025", lmtp))
	b := &backend{site: s, core: newMailman(t, lmtp, s.smtp, "")}
	b.core.create("dev@mm3.example.com", "anne@example.com", "bart@example.com")
	b.core.create("ops@mm3.example.com", "anne@example.com")
	b.core.start("lmtp", "in", "pipeline", "out", "command", "virgin")
	b.gateway = s.serve()
	for _, step := range []struct {
		name string
		step func(*testing.T)
	}{
		{"its addresses are known at RCPT", b.addresses},
		{"a post", b.aPost},
		{"several lists at once", b.severalLists},
		{"odd messages", b.oddMessages},
		{"what it refuses comes back", b.refusals},
		{"somebody joins by mail", b.joining},
		{"its database fails for a while", b.databaseFails},
		{"its queue fails for a while", b.queueFails},
		{"it is down for a while", b.down},
		{"a list goes", b.listGoes},
	} {
		if !t.Run(step.name, step.step) {
			t.Fatalf("Mailman:\n%s\nthe gateway:\n%s", b.core.logs(), b.gateway.log)
		}
	}
	b.gateway.stop()
}

// backend is a gateway and the core behind it.
type backend struct {
	site    *site
	core    *mailman
	gateway *process
}

// post hands a message to the gateway and returns the replies.
func (b *backend) post(t *testing.T, from gateway.ReversePath, content string, to ...gateway.ForwardPath) (replies []string) {
	t.Helper()
	answers, err := b.gateway.client().Send(t.Context(), from, to, []byte(strings.ReplaceAll(content, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range answers {
		replies = append(replies, answer.Status.Reply())
	}
	return replies
}

// rcpt asks the gateway whether it takes mail for addresses.
func (b *backend) rcpt(t *testing.T, to ...string) (replies []string) {
	t.Helper()
	conn, err := textproto.Dial("tcp", b.gateway.lmtp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	say := func(line string) string {
		if line != "" {
			conn.PrintfLine("%s", line)
		}
		code, text, err := conn.ReadResponse(0)
		if code == 0 {
			t.Fatalf("%s: %v", line, err)
		}
		return fmt.Sprint(code, " ", text)
	}
	for _, line := range []string{"", "LHLO mta.example.com", "MAIL FROM:<>"} {
		say(line)
	}
	for _, address := range to {
		replies = append(replies, say("RCPT TO:<"+address+">"))
	}
	return replies
}

// arrived waits for what the upstream MTA takes from the core or the gateway,
// with a text in it, and returns how it came.
func (b *backend) arrived(t *testing.T, from, to string, texts ...string) probe.Transaction {
	t.Helper()
	at := -1
	sent, ok := b.site.waitFor(func(sent []probe.Transaction) bool {
		at = slices.IndexFunc(sent, func(c probe.Transaction) bool {
			return c.MailFrom == from && strings.Join(c.Rcpts, " ") == to &&
				!slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(string(c.Content), text) })
		})
		return at >= 0
	})
	if ok {
		return sent[at]
	}
	for _, c := range sent {
		t.Logf("from <%s> to %s:\n%s", c.MailFrom, c.Rcpts, c.Content)
	}
	t.Fatalf("nothing came from <%s> to %s with %q", from, to, texts)
	return probe.Transaction{}
}

const accepted = "250 2.0.0 accepted"

// unknown is the core's word for an address that no list has.
const unknown = "550 5.0.0 Requested action not taken: mailbox unavailable"

func (b *backend) addresses(t *testing.T) {
	for local, want := range map[string]string{
		"dev": "250", "DEV": "250", "dev+detail": "250", "ops": "250",
		"dev-bounces": "250", "dev-bounces+anne=example.com": "250", "dev-confirm+0123456789abcdef": "250",
		"dev-join": "250", "dev-leave": "250", "dev-owner": "250", "dev-request": "250", "dev-subscribe": "250", "dev-unsubscribe": "250",
		"gone": unknown, "dev-admin": unknown, "postmaster": unknown, "dev-": unknown,
	} {
		if got := b.rcpt(t, local+"@mm3.example.com"); !strings.HasPrefix(got[0], want) {
			t.Errorf("%s: %s", local, got[0])
		}
	}
}

func (b *backend) aPost(t *testing.T) {
	if got := b.post(t, "anne@example.com", "From: anne@example.com\nTo: dev@mm3.example.com, ops@mm3.example.com\nSubject: hello\n\nhi\n", "dev@mm3.example.com"); got[0] != accepted {
		t.Fatal(got)
	}
	b.arrived(t, "dev-bounces@mm3.example.com", "anne@example.com bart@example.com", "Subject: [Dev] hello\r\n", "(mmgw) with LMTP id ", "\r\n\r\nhi\r\n")
}

func (b *backend) severalLists(t *testing.T) {
	got := b.post(t, "anne@example.com", "From: anne@example.com\nTo: dev@mm3.example.com, ops@mm3.example.com\nSubject: both\n\nhi\n", "dev@mm3.example.com", "gone@mm3.example.com", "ops@mm3.example.com")
	if want := []string{accepted, unknown, accepted}; !slices.Equal(got, want) {
		t.Fatal(got)
	}
	b.arrived(t, "dev-bounces@mm3.example.com", "anne@example.com bart@example.com", "Subject: [Dev] both\r\n")
	b.arrived(t, "ops-bounces@mm3.example.com", "anne@example.com", "Subject: [Ops] both\r\n")
}

// oddMessages are those of which earlier Mailmans refused some.
func (b *backend) oddMessages(t *testing.T) {
	for i, odd := range []struct{ content, arrives string }{
		{"From: anne@example.com\nTo: dev@mm3.example.com, ops@mm3.example.com\nSubject: dots\n\n.\n..\n", "\r\n\r\n.\r\n..\r\n"},
		{"From: anne@example.com\nTo: dev@mm3.example.com, ops@mm3.example.com\nSubject: 8\n\ngr\xfc\xdfe\n", "gr"},
		{"From: anne@example.com\nTo: dev@mm3.example.com, ops@mm3.example.com\nSubject: grüße\n\nx\n", "Subject: [Dev] "},
		{"From: anne@example.com\nTo: dev@mm3.example.com, ops@mm3.example.com\nSubject: long\n\n" + strings.Repeat("x", 998) + "\n", strings.Repeat("x", 998)},
	} {
		if got := b.post(t, "anne@example.com", fmt.Sprintf("X-Odd: %d\n%s", i, odd.content), "dev@mm3.example.com"); got[0] != accepted {
			t.Fatal(got)
		}
		b.arrived(t, "dev-bounces@mm3.example.com", "anne@example.com bart@example.com", fmt.Sprintf("X-Odd: %d\r\n", i), odd.arrives)
	}
}

// refusals are for the whole message, in one reply, however many recipients
// there are.
func (b *backend) refusals(t *testing.T) {
	for _, refused := range []struct{ content, reply string }{
		{"From: anne@example.com\nTo: dev@mm3.example.com, ops@mm3.example.com\nSubject: no boundary\nMIME-Version: 1.0\nContent-Type: multipart/mixed\n\nx\n", "Diagnostic-Code: smtp; 501 Message has defects"},
		{"From: anne@example.com\nTo: dev@mm3.example.com, ops@mm3.example.com\nSubject: long line\n\n" + strings.Repeat("x", 1200) + "\n", "Diagnostic-Code: smtp; 500 Line too long"},
	} {
		got := b.post(t, "anne@example.com", refused.content, "dev@mm3.example.com", "ops@mm3.example.com")
		if want := []string{accepted, accepted}; !slices.Equal(got, want) {
			t.Fatal(got)
		}
		for _, list := range []string{"dev", "ops"} {
			b.arrived(t, "", "anne@example.com", "; "+list+"@mm3.example.com\r\n", refused.reply)
		}
	}
}

var confirmFrom = regexp.MustCompile(`(?m)^From: (dev-confirm\+[0-9a-f]+@mm3\.example\.com)\r$`)

func (b *backend) joining(t *testing.T) {
	if got := b.post(t, "dora@example.com", "From: dora@example.com\nSubject: hello\n\n", "dev-join@mm3.example.com"); got[0] != accepted {
		t.Fatal(got)
	}
	asked := b.arrived(t, "dev-bounces@mm3.example.com", "dora@example.com", "confirm")
	match := confirmFrom.FindSubmatch(asked.Content)
	if match == nil {
		t.Fatalf("nobody to confirm to in\n%s", asked.Content)
	}
	if got := b.post(t, "dora@example.com", "From: dora@example.com\nTo: "+string(match[1])+"\nSubject: Re\n\n", gateway.ForwardPath(match[1])); got[0] != accepted {
		t.Fatal(got)
	}
	b.arrived(t, "dev-bounces@mm3.example.com", "dora@example.com", "Welcome to")
}

// databaseFails has another process lock the database. The core says 500 then,
// with the exception, which is not a word about the list.
func (b *backend) databaseFails(t *testing.T) {
	unlock := b.core.lockDatabase()
	defer unlock()
	if got := b.rcpt(t, "dev+locked@mm3.example.com"); !strings.HasPrefix(got[0], "451 4.5.0 ") {
		t.Error(got)
	}
	b.waits(t, "dev@mm3.example.com", "locked", "451 4.5.0 ")
	unlock()
	b.comesThrough(t)
	b.arrived(t, "dev-bounces@mm3.example.com", "anne@example.com bart@example.com dora@example.com", "Subject: [Dev] locked\r\n")
}

// queueFails has the core accept a recipient at RCPT and refuse it for good at
// the final dot, as it does where it cannot write.
func (b *backend) queueFails(t *testing.T) {
	queue := filepath.Join(b.core.dir, "var/queue/bounces")
	if err := os.Rename(queue, queue+".away"); err != nil {
		t.Fatal(err)
	}
	b.waits(t, "dev-bounces@mm3.example.com", "unwritten", "451 4.5.0 the next hop refused at the final dot a recipient that it accepted at RCPT: 550 ")
	if err := os.Rename(queue+".away", queue); err != nil {
		t.Fatal(err)
	}
	b.comesThrough(t)
	if names, err := filepath.Glob(queue + "/*.pck"); len(names) != 1 {
		t.Errorf("queued: %q, %v", names, err)
	}
}

// listGoes has a list end that the gateway believes to be there: who wrote to it
// is told.
func (b *backend) listGoes(t *testing.T) {
	b.core.remove("ops@mm3.example.com")
	if got := b.post(t, "anne@example.com", "From: anne@example.com\nTo: ops@mm3.example.com\nSubject: late\n\nhi\n", "ops@mm3.example.com"); got[0] != accepted {
		t.Fatal(got)
	}
	b.arrived(t, "", "anne@example.com", "Diagnostic-Code: smtp; 550 ", "; ops@mm3.example.com\r\n", "Subject: late\r\n")
	if got := b.rcpt(t, "ops-owner@mm3.example.com"); got[0] != unknown {
		t.Error(got)
	}
}

func (b *backend) down(t *testing.T) {
	b.core.kill("lmtp")
	if got := b.rcpt(t, "dev+down@mm3.example.com"); !strings.HasPrefix(got[0], "451 4.4.1 ") {
		t.Error(got)
	}
	b.waits(t, "dev@mm3.example.com", "down", "451 4.4.1 ")
	b.core.start("lmtp")
	b.comesThrough(t)
	b.arrived(t, "dev-bounces@mm3.example.com", "anne@example.com bart@example.com dora@example.com", "Subject: [Dev] down\r\n")
}

// waits hands a post for an address in that the gateway has asked for before, and
// returns when an attempt has brought a reply.
func (b *backend) waits(t *testing.T, to gateway.ForwardPath, subject, reply string) {
	t.Helper()
	if got := b.post(t, "anne@example.com", "From: anne@example.com\nTo: dev@mm3.example.com\nSubject: "+subject+"\n\nhi\n", to); got[0] != accepted {
		t.Fatal(got)
	}
	b.until(t, func(queue string) bool { return strings.Contains(queue, `"last_reply":"`+reply) })
}

// comesThrough tries what waits until it is gone.
func (b *backend) comesThrough(t *testing.T) {
	t.Helper()
	b.until(t, func(queue string) bool {
		if queue == "[]" {
			return true
		}
		if out, err := b.run("queue", "retry", "--domain", "mm3.example.com"); err != nil {
			t.Fatalf("mmgw queue retry: %v\n%s", err, out)
		}
		return false
	})
}

// until looks at the queue until it is as it shall be.
func (b *backend) until(t *testing.T, done func(queue string) bool) {
	t.Helper()
	for late := time.Now().Add(patience); ; pause(t.Context(), 100*time.Millisecond) {
		out, err := b.run("queue", "ls", "--json")
		queue := strings.TrimSpace(string(out))
		if err != nil || time.Now().After(late) {
			t.Fatalf("mmgw queue ls: %v\n%s", err, queue)
		}
		if done(queue) {
			return
		}
	}
}

func (b *backend) run(args ...string) ([]byte, error) {
	return exec.Command("mmgw", append(args, "--config", b.site.file())...).Output()
}
