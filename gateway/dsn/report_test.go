package dsn_test

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/dsn"
)

var (
	now     = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	arrived = now.Add(-2 * time.Hour)
	queueID = gateway.NextQueueID(0, arrived)
)

const messageID = "<0001.dsn@gw.example.com>"

func report() dsn.Report {
	return dsn.Report{
		ReportingMTA: "gw.example.com",
		From:         "mailer-daemon@gw.example.com",
		To:           "anne@example.com",
		QueueID:      queueID,
		EnvelopeID:   "QQ314159",
		Arrival:      arrived,
		Recipients: []dsn.Recipient{{
			Recipient:   gateway.Recipient{Path: "bob@example.net", Original: "rfc822;bob+2Blists@example.org"},
			Action:      dsn.Failed,
			Status:      &gateway.Status{Code: 550, Enhanced: gateway.EnhancedCode{5, 1, 1}, Text: "No such user here", Cause: errors.New("private")},
			RemoteMTA:   "mx.example.net",
			LastAttempt: now,
		}},
		Original: gateway.Bytes("Message-ID: <post@example.com>\r\nSubject: hello\r\n\r\nthe secret body\r\n"),
	}
}

// read writes r and returns its header and parts as Go's own readers see them.
func read(t testing.TB, r dsn.Report) (mail.Header, []string, string) {
	t.Helper()
	content, err := r.Content(now, messageID)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content.(gateway.Bytes))
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for mr := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := mr.NextRawPart()
		if err == io.EOF {
			return m.Header, parts, text
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p.Header.Get("Content-Type")+"\n"+string(body))
	}
}

func TestReport(t *testing.T) {
	header, parts, text := read(t, report())
	for name, want := range map[string]string{
		"From":           "Mail Delivery System <mailer-daemon@gw.example.com>",
		"To":             "<anne@example.com>",
		"Subject":        "Your message could not be delivered",
		"Date":           "Mon, 23 Nov 2026 12:00:00 +0000",
		"Message-Id":     messageID,
		"In-Reply-To":    "<post@example.com>",
		"Auto-Submitted": "auto-replied",
		"Mime-Version":   "1.0",
		"Content-Type":   `multipart/report; report-type=delivery-status; boundary="=_` + queueID.String() + `-000000"`,
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	want := "message/delivery-status\n" + strings.ReplaceAll(`Reporting-MTA: dns; gw.example.com
Original-Envelope-Id: QQ314159
X-Mmgw-Queue-Id: `+queueID.String()+`
Arrival-Date: Mon, 23 Nov 2026 10:00:00 +0000

Original-Recipient: rfc822; bob+lists@example.org
Final-Recipient: rfc822; bob@example.net
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.net
Diagnostic-Code: smtp; 550 5.1.1 No such user here
Last-Attempt-Date: Mon, 23 Nov 2026 12:00:00 +0000
`, "\n", "\r\n")
	if parts[1] != want {
		t.Errorf("the report is\n%s\nwant\n%s", parts[1], want)
	}
	if want := "text/rfc822-headers\nMessage-ID: <post@example.com>\r\nSubject: hello\r\n"; parts[2] != want {
		t.Errorf("the original is\n%q\nwant\n%q", parts[2], want)
	}
	if strings.Contains(text, "secret") || strings.Contains(text, "private") {
		t.Errorf("the report tells what it must not:\n%s", text)
	}
}

func TestTextForPeople(t *testing.T) {
	r := report()
	slow := r.Recipients[0]
	slow.Path, slow.Action, slow.RemoteMTA, slow.RetryUntil = "carl@example.net", dsn.Delayed, "", now.Add(24*time.Hour)
	slow.Status = gateway.Deferred(errors.New("private"))
	done := dsn.Recipient{Recipient: gateway.Recipient{Path: "dora@example.net"}, Action: dsn.Relayed}
	r.Recipients = append(r.Recipients, done, slow)
	_, parts, _ := read(t, r)
	want := "text/plain; charset=us-ascii\n" + strings.ReplaceAll(`This is the mail system at gw.example.com.

Your message could not be delivered to the addresses below. It will not be
tried again for them.

  <bob@example.net>
    The mail server mx.example.net said:
      550 5.1.1 No such user here
    There is no such address. Check the spelling, or ask for the current one
    in some other way.

Your message has not reached the addresses below yet. It is still being
tried; you need not send it again.

  <carl@example.net>
    This mail system says:
      451 4.3.0 local error, try again later
    You do not have to do anything.
    It will be tried until Tue, 24 Nov 2026 12:00:00 +0000; if it fails you
    will be told then.

Your message was sent on for the addresses below, to a mail server that will
not report whether it is delivered.

  <dora@example.net>

If you ask the people who run this mail system for help, please mention the
message `+queueID.String()+`.
`, "\n", "\r\n")
	if parts[0] != want {
		t.Errorf("got\n%s\nwant\n%s", parts[0], want)
	}
}

// Each subject of RFC 3463 has advice of its own, and a delay asks for nothing.
func TestAdvice(t *testing.T) {
	for code, want := range map[gateway.EnhancedCode]string{
		{5, 1, 2}: "Check the spelling",
		{5, 1, 8}: "Your own address",
		{5, 2, 1}: "does not accept mail at present",
		{5, 2, 2}: "is full",
		{5, 3, 4}: "too large",
		{4, 4, 7}: "could not be reached",
		{5, 6, 7}: "plain letters",
		{5, 6, 0}: "plain text",
		{5, 7, 1}: "by a rule",
		{4, 3, 2}: "for as long as",
		{5, 0, 0}: "gives the reason",
	} {
		r := report()
		r.Recipients[0].Status.Enhanced = code
		if _, parts, _ := read(t, r); !strings.Contains(parts[0], want) {
			t.Errorf("%v: no %q in\n%s", code, want, parts[0])
		}
	}
}

func TestStatusWithoutEnhancedCode(t *testing.T) {
	r := report()
	r.Recipients[0].Status = &gateway.Status{Code: 554, Text: "go away"}
	_, parts, _ := read(t, r)
	for _, want := range []string{"\r\nStatus: 5.0.0\r\n", "\r\nDiagnostic-Code: smtp; 554 go away\r\n"} {
		if !strings.Contains(parts[1], want) {
			t.Errorf("no %q in\n%s", want, parts[1])
		}
	}
}

func TestReturn(t *testing.T) {
	small := gateway.Bytes("Subject: hello\r\n\r\nbody\r\n")
	large := gateway.Bytes("Subject: hello\r\n\r\n" + strings.Repeat("body\r\n", dsn.OriginalBytesMax/6))
	long := gateway.Bytes("Subject: hello\r\nX-Long: " + strings.Repeat("x", 999) + "\r\n\r\n" + strings.Repeat("x", 999))
	const headers, full = "text/rfc822-headers\nSubject: hello\r\n", "message/rfc822\nSubject: hello\r\n\r\nbody\r\n"
	for name, c := range map[string]struct {
		original gateway.Content
		ret      gateway.Return
		action   dsn.Action
		want     string
	}{
		"full":                       {small, gateway.ReturnFull, dsn.Failed, full},
		"headers":                    {small, gateway.ReturnHeaders, dsn.Failed, headers},
		"not asked":                  {small, "", dsn.Failed, headers},
		"full, but only a delay":     {small, gateway.ReturnFull, dsn.Delayed, headers},
		"full, but too large":        {large, gateway.ReturnFull, dsn.Failed, headers},
		"full, but with long lines":  {long, gateway.ReturnFull, dsn.Failed, headers},
		"full, with stray line ends": {gateway.Bytes("Subject: hello\n\nbo\rdy"), gateway.ReturnFull, dsn.Failed, "message/rfc822\nSubject: hello\r\n\r\nbo dy\r\n"},
		"full, UTF-8 header":         {gateway.Bytes("Subject: grüße\r\n\r\nbody\r\n"), gateway.ReturnFull, dsn.Failed, "message/global\nSubject: grüße\r\n\r\nbody\r\n"},
		"UTF-8 header":               {gateway.Bytes("Subject: grüße\r\n\r\nbody\r\n"), "", dsn.Failed, "message/global-headers\nSubject: grüße\r\n"},
	} {
		r := report()
		r.Original, r.Return, r.Recipients[0].Action = c.original, c.ret, c.action
		if _, parts, _ := read(t, r); parts[2] != c.want {
			t.Errorf("%s: got %.99q", name, parts[2])
		}
	}
	r := report()
	r.Original = nil
	if _, parts, _ := read(t, r); len(parts) != 2 {
		t.Errorf("without an original there are %d parts", len(parts))
	}
}

func TestUTF8(t *testing.T) {
	r := report()
	r.Recipients[0].Recipient = gateway.Recipient{Path: "grün@exämple.net", Original: `utf-8;gr\x{FC}n@example.org`}
	header, parts, _ := read(t, r)
	for _, want := range []string{
		"message/global-delivery-status\n",
		"\r\nOriginal-Recipient: utf-8; grün@example.org\r\n",
		"\r\nFinal-Recipient: utf-8; grün@exämple.net\r\n",
	} {
		if !strings.Contains(parts[1], want) {
			t.Errorf("no %q in\n%s", want, parts[1])
		}
	}
	if got := header.Get("Content-Transfer-Encoding"); got != "8bit" {
		t.Errorf("the encoding is %q", got)
	}
}

// A reply in other letters does not keep the report from a host without 8BITMIME.
func TestReplyInUTF8(t *testing.T) {
	r := report()
	r.Recipients[0].Status = &gateway.Status{Code: 550, Enhanced: gateway.EnhancedCode{5, 1, 1}, Text: "ungültig"}
	_, parts, text := read(t, r)
	if !gateway.IsASCII(text) || !strings.Contains(parts[0], "charset=utf-8\n") || !strings.Contains(parts[0], "550 5.1.1 ung=C3=BCltig\r\n") {
		t.Errorf("%s", text)
	}
}

// A boundary that stands in the original is not used.
func TestBoundary(t *testing.T) {
	r := report()
	r.Original = gateway.Bytes("Subject: x\r\n\r\n--=_" + queueID.String() + "-000000--\r\n--=_" + queueID.String() + "-000001\r\n")
	r.Return = gateway.ReturnFull
	header, parts, _ := read(t, r)
	if !strings.Contains(header.Get("Content-Type"), `-000002"`) || len(parts) != 3 {
		t.Errorf("%d parts between %s", len(parts), header.Get("Content-Type"))
	}
}

func TestRefused(t *testing.T) {
	for name, spoil := range map[string]func(*dsn.Report){
		"null reverse-path":     func(r *dsn.Report) { r.To = "" },
		"reverse-path":          func(r *dsn.Report) { r.To = "a@b>\r\nBcc: c@d" },
		"from":                  func(r *dsn.Report) { r.From = "" },
		"reporting MTA":         func(r *dsn.Report) { r.ReportingMTA = "gw\r\nX: y" },
		"reporting MTA missing": func(r *dsn.Report) { r.ReportingMTA = "" },
		"no recipients":         func(r *dsn.Report) { r.Recipients = nil },
		"recipient":             func(r *dsn.Report) { r.Recipients[0].Path = "nobody" },
		"action":                func(r *dsn.Report) { r.Recipients[0].Action = "expired" },
	} {
		r := report()
		spoil(&r)
		if _, err := r.Content(now, messageID); err == nil {
			t.Errorf("%s: no error", name)
		} else if r.To.IsNull() != errors.Is(err, dsn.ErrNullReversePath) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, id := range []string{"", "x@y", "<x@y>\r\nBcc: z@z", "<x y>", "<<x@y>", "<x@y>z>"} {
		if _, err := report().Content(now, id); err == nil {
			t.Errorf("the Message-ID %q is taken", id)
		}
	}
}

func TestWanted(t *testing.T) {
	for _, c := range []struct {
		notify gateway.Notify
		want   string
	}{
		{0, "failed delayed"},
		{gateway.NotifyNever, ""},
		{gateway.NotifyFailure, "failed"},
		{gateway.NotifyDelay, "delayed"},
		{gateway.NotifySuccess, "delivered relayed expanded"},
	} {
		var got []string
		for _, action := range []dsn.Action{dsn.Failed, dsn.Delayed, dsn.Delivered, dsn.Relayed, dsn.Expanded} {
			if action.Wanted(c.notify) {
				got = append(got, string(action))
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("NOTIFY %d: got %q, want %q", c.notify, got, c.want)
		}
	}
}
