package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
	"github.com/mmgw/mmgw/gateway/probe"
	"github.com/mmgw/mmgw/gateway/server"
)

const lifeSite = `
[http]
listen = "127.0.0.1:0"
url = "http://127.0.0.1:1"
[[list]]
address = "first@lists.example.com"
unsubscribe = "member"
owners = ["olga@example.com"]
`

// life is a gateway that lives in a bubble of testing/synctest, whose clock can
// be set forward, and what its upstream MTA has got that was not looked at.
// Commands and people are as real as ever. The clock of a bubble stands while
// anybody in it waits for the network, so nights are spent switched off.
type life struct {
	*testing.T
	site   *site
	log    lockedBuilder
	lmtp   string
	http   string
	client *probe.Client
	sleep  func() // switches everything off
	seen   int
}

// TestLife is the whole life of a list and of its members, by mail.
func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)))
		l := &life{T: t, site: newSite(t, lifeSite)}
		l.wake()
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
		l.sleep()
	})
}

// wake starts the gateway as `mmgw serve` does.
func (l *life) wake() {
	l.Helper()
	cfg, err := (&globals{configFile: l.site.file()}).load()
	if err != nil {
		l.Fatal(err)
	}
	ready := make(chan struct{})
	env := server.Env{
		Log: slog.New(slog.NewTextHandler(&l.log, nil)), DNS: noNames{}, Ready: func() { close(ready) },
		Listening: func(kind, network, address string) {
			switch kind {
			case "lmtp":
				l.lmtp = address
			case "http":
				l.http = address
			}
		},
	}
	ctx, stop := context.WithCancel(l.Context())
	s, err := server.Open(ctx, cfg, env)
	if err != nil {
		l.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- errors.Join(s.Serve(ctx), s.Close()) }()
	<-ready
	if l.client, err = probe.Dial(ctx, l.lmtp); err != nil {
		l.Fatal(err)
	}
	l.sleep = func() {
		l.client.Close()
		stop()
		l.site.close() // before the gateway is at its end, which polls for that
		if err := <-done; err != nil {
			l.Errorf("the gateway: %v\n%s", err, &l.log)
		}
	}
	l.Cleanup(stop)
}

// noNames is a DNS that knows no name.
type noNames struct{ authres.DNS }

func (noNames) LookupTXT(_ context.Context, name string) ([]string, error) {
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

// nextDay is the same hour of the next day.
func (l *life) nextDay() {
	l.Helper()
	l.sleep()
	time.Sleep(24 * time.Hour)
	listener, err := net.Listen("tcp", l.site.smtp)
	if err != nil {
		l.Fatal(err)
	}
	l.site.open(listener)
	l.wake()
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
		l.Fatalf("to %s: %v, %v\n%s", to, replies, err, &l.log)
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

// dies has a member's copy bounce on five days, then the probe. The owner and
// the member are told.
func (l *life) dies(person string, c probe.Transaction) {
	l.Helper()
	bounce := func(to string) {
		l.send("", to, "From: mailer-daemon@example.net\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"+
			"--b\r\n\r\nfailed\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; example.net\r\n\r\n"+
			"Final-Recipient: rfc822; "+person+"\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n")
	}
	for day := 1; day <= 5; day++ {
		bounce(c.MailFrom)
		l.until(fmt.Sprintf(`%s +enabled +%d `, person, day%5))
		if day < 5 {
			l.nextDay()
		}
	}
	asked := l.next(1)[0]
	if asked.Rcpts[0] != person || asked.MailFrom == c.MailFrom {
		l.Fatalf("no probe: %s %v\n%s", asked.MailFrom, asked.Rcpts, asked.Content)
	}
	l.nextDay()
	bounce(asked.MailFrom)
	l.until(person + ` +disabled`)
	l.nextDay()
	told := map[string]string{}
	for _, notice := range l.next(2) {
		told[notice.Rcpts[0]] = string(notice.Content)
	}
	if !strings.Contains(told["olga@example.com"], person) || told[person] == "" {
		l.Errorf("the owner and the member were not told: %v", told)
	}
}

// until asks for the members of dev until a line matches.
func (l *life) until(pattern string) {
	l.Helper()
	rows := ""
	for range 500 {
		if rows = l.command("member", "ls", "dev@lists.example.com"); regexp.MustCompile(pattern).MatchString(rows) {
			return
		}
	}
	l.Fatalf("no line that matches %q:\n%s\n%s", pattern, rows, &l.log)
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
	u.Host = l.http
	browser := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, click := range []struct {
		do   func() (*http.Response, error)
		left bool
	}{
		{func() (*http.Response, error) { return browser.Get(u.String()) }, false}, // what a scanner of links does
		{func() (*http.Response, error) {
			return browser.PostForm(u.String(), url.Values{"List-Unsubscribe": {"One-Click"}})
		}, true},
		{func() (*http.Response, error) {
			return browser.PostForm(u.String(), url.Values{"List-Unsubscribe": {"One-Click"}})
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

// silence has machines write to every service that answers, and all that the
// gateway ever sent come back to each; what is in a loop is refused. The next
// post is the next thing that goes out.
func (l *life) silence() {
	l.Helper()
	const text = "Subject: join\r\n\r\njoin\r\nhelp\r\n"
	var hostile []string
	for _, c := range l.site.wait(l.seen) {
		hostile = append(hostile, string(c.Content))
	}
	for _, author := range []string{"", "mailer-daemon@example.net", "a@example.net, b@example.net", "dev-join@lists.example.com", "dev-request@lists.example.com", "other-owner@example.net"} {
		hostile = append(hostile, "From: "+author+"\r\n"+text)
	}
	for _, field := range []string{"Auto-Submitted: auto-replied", "Precedence: bulk", "List-Id: <x.example.com>", "X-Loop: x", "From: eve@example.net"} {
		hostile = append(hostile, field+"\r\nFrom: carl@example.net\r\n"+text)
	}
	for _, service := range []string{"-join", "-leave", "-subscribe", "-unsubscribe", "-request", "-confirm+abc"} {
		for _, content := range hostile {
			l.send("carl@example.net", "dev"+service+"@lists.example.com", content)
			l.send("", "dev"+service+"@lists.example.com", content)
		}
	}
	for _, reply := range hostile[len(hostile)-5:] { // a vacation note to a reverse-path
		l.send("", "dev-bounces@lists.example.com", "Auto-Submitted: auto-replied\r\n"+reply)
	}
	for _, service := range []string{"", "-owner", "-join", "-leave", "-subscribe", "-unsubscribe", "-request"} {
		to := gateway.ForwardPath("dev" + service + "@lists.example.com")
		for _, loop := range []string{"Delivered-To: " + string(to), strings.Repeat("Received: from a by b; now\r\n", 101) + "X: y"} {
			replies, err := l.client.Send(l.Context(), "carl@example.net", []gateway.ForwardPath{to}, []byte(loop+"\r\nFrom: carl@example.net\r\n"+text))
			if err != nil || replies[0].Status.Enhanced != (gateway.EnhancedCode{5, 4, 6}) {
				l.Errorf("a loop to %s: %v, %v", to, replies, err)
			}
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
