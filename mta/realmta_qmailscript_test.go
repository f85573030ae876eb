package mta_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// qmailLocal gives a message to a script that does what qmail does, with LF at
// the ends of lines, as qmail has them. It returns the exit code: 0 delivered,
// 100 bounced, 111 to be tried again.
func (s *realSite) qmailLocal(t *testing.T, from, to, content string) int {
	t.Helper()
	c := exec.Command("sh", filepath.Join("testdata", "qmail-local.sh"), s.mtaDir(), from, to)
	c.Stdin = strings.NewReader(content)
	out, err := c.CombinedOutput()
	if c.ProcessState == nil {
		t.Fatal(err)
	}
	t.Logf("<%s> to <%s>: exit %d: %s", from, to, c.ProcessState.ExitCode(), out)
	return c.ProcessState.ExitCode()
}

func lfMessage(to, subject string) string {
	return fmt.Sprintf("From: poster@example.org\nTo: %s\nSubject: %s\n\nhello\n.\n..\n", to, subject)
}

// reportFor is a bounce of a member, of the form of RFC 3464.
const reportFor = `From: MAILER-DAEMON@mx.example.com
To: %s
Subject: failure notice
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; anne@example.com
Action: failed
Status: 5.1.1

--b--
`

// qmailScript has a script play qmail's part with the files that the guide's
// configuration makes, down to `mmgw qmail-lmtp`.
func qmailScript(t *testing.T, s *realSite) {
	s.smtp = s.sink
	s.configure(s.guide("qmail", "mmgw.toml"))
	want := func(code int, from, to, content string) {
		t.Helper()
		if got := s.qmailLocal(t, from, to, content); got != code {
			t.Errorf("<%s> to <%s>: exit %d, want %d", from, to, got, code)
		}
	}
	const poster, dev = "poster@example.org", "dev@lists.example.com"
	want(111, poster, dev, lfMessage(dev, "nobody is there"))
	s.serve()
	want(0, poster, dev, lfMessage(dev, "a post"))
	copies := s.wait(t, "a post", 2)
	for _, c := range copies {
		if strings.EqualFold(c.Rcpts[0], "anne@example.com") {
			want(0, "", c.MailFrom, fmt.Sprintf(reportFor, c.MailFrom))
			want(0, "#@[]", c.MailFrom, fmt.Sprintf(reportFor, c.MailFrom)) // of a bounce of a bounce
		}
		if !strings.HasSuffix(string(c.Content), "\r\nhello\r\n.\r\n..\r\n") {
			t.Errorf("the text is %q", c.Content)
		}
	}
	until(t, func() bool {
		return strings.Contains(s.log.String(), "member=anne@example.com class=hard action=failed status=5.1.1")
	})
	want(0, poster, "Dev-Owner@lists.example.com", lfMessage(dev, "a question"))
	s.wait(t, "a question", 1)
	want(0, "confirmer@example.org", "dev-confirm+0123456789abcdef@lists.example.com", lfMessage(dev, "Re: confirm"))
	until(t, func() bool { return strings.Contains(s.log.String(), "reverse_path=confirmer@example.org") })
	for _, address := range []string{"news@virtual.example.org", "news@alias.example.org"} {
		want(0, poster, address, lfMessage(address, "news for "+address))
		s.wait(t, "news for "+address, 1)
	}
	want(111, poster, "lab@lists.example.com", lfMessage(dev, "a handler fails"))
	want(100, poster, "dev-nothing@lists.example.com", lfMessage(dev, "refused by mmgw"))
	want(100, poster, "nobody@lists.example.com", lfMessage(dev, "refused by qmail"))
	want(100, poster, "dev@elsewhere.example.com", lfMessage(dev, "another domain"))

	const fresh = "fr.esh@lists.example.com"
	s.mmgw("list", "create", fresh)
	s.mmgw("member", "add", fresh, "anne@example.com")
	until(t, func() bool {
		return s.qmailLocal(t, "anne@example.com", fresh, lfMessage(fresh, "a first post")) == 0
	})
	s.wait(t, "a first post", 1)
}
