package main

import (
	"fmt"
	"mime"
	"net/http"
	"net/mail"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/probe"
)

// lifeSite disables a member at its first bounce and the one of its probe: five
// days of them are played by the tests of gateway/pipeline, where time is an
// argument.
const lifeSite = `
[bounce]
threshold = 1
[http]
listen = "127.0.0.1:0"
url = "http://127.0.0.1:1"
[[list]]
address = "first@lists.example.com"
unsubscribe = "member"
owners = ["olga@example.com"]
`

// life is a gateway, and what its upstream MTA has got that was not looked at.
type life struct {
	*testing.T
	site    *site
	process *process
	client  *probe.Client
	seen    int
}

// TestLife is the whole life of a list and of its members, by mail.
func TestLife(t *testing.T) {
	l := &life{T: t, site: newSite(t, lifeSite)}
	l.process = l.site.serve()
	l.client = l.process.client()
	l.command("list", "create", "dev@lists.example.com", "--owner", "olga@example.com")

	for _, list := range []string{"dev", "first"} {
		for _, person := range []string{"anne@example.com", "bart@example.org"} {
			l.join(list, person)
		}
	}
	copies := l.post("dev")
	l.headers(copies["anne@example.com"])
	l.dies("anne@example.com", copies["anne@example.com"])
	if copies := l.post("dev"); len(copies) != 1 || copies["bart@example.org"].MailFrom == "" {
		t.Errorf("after a mailbox died a post went to %v", copies)
	}
	l.leaveByClick("bart@example.org", l.post("first")["bart@example.org"])
	if copies := l.post("first"); len(copies) != 1 || copies["anne@example.com"].MailFrom == "" {
		t.Errorf("after a click a post went to %v", copies)
	}
	l.silence()
	l.process.stop()
}

// command runs mmgw beside the gateway.
func (l *life) command(args ...string) string {
	l.Helper()
	out, err := exec.Command("mmgw", append([]string{"--config", l.site.file()}, args...)...).CombinedOutput()
	if err != nil {
		l.Fatalf("mmgw %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// send hands a message of a person in.
func (l *life) send(from gateway.ReversePath, to, content string) {
	l.Helper()
	replies, err := l.client.Send(l.Context(), from, []gateway.ForwardPath{gateway.ForwardPath(to)}, []byte(content))
	if err != nil || replies[0].Status.Class() != gateway.Success {
		l.Fatalf("to %s: %v, %v\n%s", to, replies, err, l.process.log)
	}
}

func (l *life) letter(from, to, subject, text string) {
	l.Helper()
	l.send(gateway.ReversePath(from), to, fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%d.%d@example.com>\r\n\r\n%s\r\n", from, to, subject, l.seen, len(subject), text))
}

// next waits for n transactions that were not looked at, and parses them.
func (l *life) next(n int) []probe.Transaction {
	l.Helper()
	all := l.site.wait(l.seen + n)
	if len(all) > l.seen+n {
		l.Fatalf("%d transactions more than the %d expected: %s", len(all)-l.seen-n, n, all[l.seen+n].Content)
	}
	fresh := all[l.seen:]
	l.seen = len(all)
	return fresh
}

func (l *life) parse(t probe.Transaction) *mail.Message {
	l.Helper()
	m, err := mail.ReadMessage(strings.NewReader(string(t.Content)))
	if err != nil {
		l.Fatalf("%v\n%s", err, t.Content)
	}
	return m
}

// join has a person join and confirm.
func (l *life) join(list, person string) {
	l.Helper()
	l.letter(person, list+"-join@lists.example.com", "hello", "please")
	asked := l.parse(l.next(1)[0])
	confirm, err := mail.ParseAddress(asked.Header.Get("From"))
	if err != nil {
		l.Fatal(err)
	}
	l.letter(person, confirm.Address, "Re: "+asked.Header.Get("Subject"), "yes")
	if welcome := l.parse(l.next(1)[0]); welcome.Header.Get("Subject") != "Welcome to "+list+"@lists.example.com" {
		l.Fatalf("%s gets %v", person, welcome.Header)
	}
}

// post sends a post of the owner, and returns the copies by their member.
func (l *life) post(list string) map[string]probe.Transaction {
	l.Helper()
	l.letter("olga@example.com", list+"@lists.example.com", fmt.Sprintf("news %d", l.seen), "text")
	copies := map[string]probe.Transaction{}
	members := strings.Count(l.command("member", "ls", list+"@lists.example.com"), " enabled ")
	for _, c := range l.next(members) {
		copies[c.Rcpts[0]] = c
	}
	return copies
}

// headers looks at what every list says of itself (RFC 2369, RFC 2919).
func (l *life) headers(c probe.Transaction) {
	l.Helper()
	header := l.parse(c).Header
	for name, want := range map[string]string{
		"List-Id": "<dev.lists.example.com>", "List-Post": "<mailto:dev@lists.example.com>",
		"List-Unsubscribe": "<mailto:dev-leave@lists.example.com>", "Precedence": "list",
	} {
		if got := header.Get(name); !strings.Contains(got, want) {
			l.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// dies has a member's copy bounce, then the probe, and the owner told.
func (l *life) dies(person string, c probe.Transaction) {
	l.Helper()
	bounce := func(to string) {
		l.send("", to, "From: mailer-daemon@example.net\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"+
			"--b\r\n\r\nfailed\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; example.net\r\n\r\n"+
			"Final-Recipient: rfc822; "+person+"\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n")
	}
	bounce(c.MailFrom)
	asked := l.next(1)[0]
	if asked.Rcpts[0] != person || asked.MailFrom == c.MailFrom {
		l.Fatalf("no probe: %s %v\n%s", asked.MailFrom, asked.Rcpts, asked.Content)
	}
	bounce(asked.MailFrom)
	if told := l.next(1)[0]; told.Rcpts[0] != "olga@example.com" || !strings.Contains(string(told.Content), person) {
		l.Errorf("the owner was not told: %v\n%s", told.Rcpts, told.Content)
	}
	if rows := l.command("member", "ls", "dev@lists.example.com"); !regexp.MustCompile(person + ` +disabled`).MatchString(rows) {
		l.Errorf("not disabled:\n%s", rows)
	}
}

// leaveByClick leaves as a mail program does (RFC 8058).
func (l *life) leaveByClick(person string, c probe.Transaction) {
	l.Helper()
	header := l.parse(c).Header
	if header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		l.Fatalf("no one-click: %v", header)
	}
	link := regexp.MustCompile(`<(http[^>]+)>`).FindStringSubmatch(header.Get("List-Unsubscribe"))
	if link == nil {
		l.Fatalf("no link: %v", header)
	}
	u, err := url.Parse(link[1])
	if err != nil {
		l.Fatal(err)
	}
	u.Host = l.process.http
	for _, click := range []struct {
		do   func() (*http.Response, error)
		left bool
	}{
		{func() (*http.Response, error) { return http.Get(u.String()) }, false}, // what a scanner of links does
		{func() (*http.Response, error) {
			return http.PostForm(u.String(), url.Values{"List-Unsubscribe": {"One-Click"}})
		}, true},
		{func() (*http.Response, error) {
			return http.PostForm(u.String(), url.Values{"List-Unsubscribe": {"One-Click"}})
		}, true},
	} {
		response, err := click.do()
		if err != nil || response.StatusCode != http.StatusOK {
			l.Fatalf("%v, %v", response, err)
		}
		response.Body.Close()
		if left := !strings.Contains(l.command("member", "ls", "first@lists.example.com"), person+" "); left != click.left {
			l.Fatalf("%s left: %v", person, left)
		}
	}
}

// silence has machines write to every service; the next post is the next thing
// that goes out.
func (l *life) silence() {
	l.Helper()
	for i, field := range []string{"Auto-Submitted: auto-replied", "Precedence: bulk", "List-Id: <x.example.com>"} {
		for _, service := range []string{"-join", "-leave", "-request", "-confirm+abc", "-subscribe", "-unsubscribe"} {
			content := fmt.Sprintf("%s\r\nFrom: carl@example.net\r\nSubject: join\r\nMessage-ID: <%d%s@example.net>\r\n\r\njoin\r\n", field, i, service)
			l.send("carl@example.net", "dev"+service+"@lists.example.com", content)
			l.send("", "dev"+service+"@lists.example.com", "From: carl@example.net\r\nSubject: help\r\n\r\nhelp\r\n")
		}
	}
	if copies := l.post("dev"); len(copies) != 1 {
		l.Errorf("%v", copies)
	}
	subject := l.parse(l.site.wait(l.seen)[l.seen-1]).Header.Get("Subject")
	if decoded, err := new(mime.WordDecoder).DecodeHeader(subject); err != nil || !strings.Contains(decoded, "news ") {
		l.Errorf("the last that went out is %q", decoded)
	}
}
