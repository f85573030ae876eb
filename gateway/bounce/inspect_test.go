package bounce_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
)

// Each file of testdata is a message; what must be found in it stands in the
// file of the same name that ends in .json.
func TestInspect(t *testing.T) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d messages, %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(strings.TrimSuffix(name, ".eml") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		for form, end := range map[string]string{"LF": "\n", "CRLF": "\r\n", "CR": "\r", "CRCRLF": "\r\r\n"} {
			got := inspect(t, strings.ReplaceAll(string(text), "\n", end))
			if got != strings.TrimSpace(string(want)) {
				t.Errorf("%s with %s:\ngot  %s\nwant %s", name, form, got, want)
			}
		}
	}
}

// inspect returns the finding as `mmgw bounce inspect` prints it.
func inspect(t testing.TB, text string) string {
	t.Helper()
	finding, err := bounce.Inspect(gateway.Bytes(text))
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(finding)
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

// What reports leave out, write in other cases or run together.
func TestReportForms(t *testing.T) {
	for name, c := range map[string]struct{ fields, want string }{
		"nothing but the address and status": {"Final-Recipient: a@b.example\nStatus: 5.1.1", "a@b.example failed 5.1.1 hard"},
		"cases and spaces":                   {"FINAL-RECIPIENT : RFC822 ; <a@b.example>\naction: FAILED\nSTATUS: 5.1.1 (bad)", "a@b.example failed 5.1.1 hard"},
		"no address":                         {"Final-Recipient: X-Unix; |/bin/false\nAction: failed\nStatus: 5.3.0", " failed 5.3.0 soft"},
		"address in another field":           {"Final-Recipient: X-Unix; |/x\nOriginal-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.3.0", "a@b.example failed 5.3.0 soft"},
		"a domain inside a host":             {"Final-Recipient: rfc822;a@ims-ms-daemon\nOriginal-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.2.2", "a@b.example failed 5.2.2 full"},
		"more than one address":              {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.1.4", "a@b.example failed 5.1.4 soft"},
		"a new owner":                        {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.7.17", "a@b.example failed 5.7.17 hard"},
		"a domain unknown for days":          {"Final-Recipient: a@b.example\nAction: failed\nStatus: 4.1.2", "a@b.example failed 4.1.2 soft"},
		"a size beside a status of its own":  {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 max message size exceeded", "a@b.example failed 5.3.4 policy"},
		"an action of the message":           {"Reporting-MTA: dns; x\nAction: failed\n\nFinal-Recipient: a@b.example\nDiagnostic-Code: X-Notice; Sender not pre-approved\nStatus: 4.7.0", "a@b.example delayed 5.1.8 policy"},
		"no empty line between":              {"Reporting-MTA: dns; x\nFinal-Recipient: a@b.example\nStatus: 5.1.1\nFinal-Recipient: c@b.example\nStatus: 4.2.2", "a@b.example failed 5.1.1 hard, c@b.example delayed 4.2.2 full"},
		"many empty lines":                   {"\n\nReporting-MTA: dns; x\n\n\n\nFinal-Recipient: a@b.example\nAction: failed\n\n \n", "a@b.example failed  soft"},
		"status in the diagnostic":           {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550-5.7.26 not\n authenticated", "a@b.example failed 5.7.26 policy"},
		"delay with a permanent status":      {"Final-Recipient: a@b.example\nAction: delayed\nStatus: 5.4.1", "a@b.example delayed 5.4.1 soft"},
		"UTF-8":                              {"Final-Recipient: utf-8; gr\\x{FC}n@b.example\nAction: failed\nStatus: 5.1.1", "grün@b.example failed 5.1.1 hard"},
		"a category":                         {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.0.0\nX-PowerMTA-BounceCategory: bad-mailbox", "a@b.example failed 5.1.1 hard"},
		"a category beside a better status":  {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.2.1\nX-PowerMTA-BounceCategory: bad-mailbox", "a@b.example failed 5.2.1 soft"},
		"a category of a rule":               {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.1.1\nX-PowerMTA-BounceCategory: spam-related", "a@b.example failed 5.7.1 policy"},
		"a loop beside a made-up status":     {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: X-Notes; Maximum hop count exceeded", "a@b.example failed 4.4.6 soft"},
		"a status made of a 552":             {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 1 mailbox not found", "a@b.example failed 5.1.1 soft"},
		"a provider, behind the content":     {"Final-Recipient: a@yahoo.com\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 554 delivery error: This user doesn't have an account - mta1.am0.yahoodns.net (in reply to end of DATA command)", "a@yahoo.com failed 5.1.1 hard"},
		"what is still tried may be hard":    {"Final-Recipient: a@b.example\nAction: delayed\nStatus: 4.0.0\nDiagnostic-Code: x; no MX found for domain", "a@b.example delayed 5.1.2 hard"},
		"a list of who bounced before":       {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: Amazon SES has suppressed sending to this address because it has a history of bouncing as an invalid address", "a@b.example failed 5.2.1 soft"},
		"no mail for a host":                 {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.7.27\nDiagnostic-Code: smtp; 550 Host does not accept mail", "a@b.example failed 5.1.2 hard"},
		"a rule that the host names":         {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 553 5.7.1 Invalid recipient: denied", "a@b.example failed 5.7.1 policy"},
		"a rule of which no word is":         {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 553 5.7.1 Invalid recipient (in reply to RCPT TO command)", "a@b.example failed 5.1.1 hard"},
		"a rule that no host names":          {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 553 Invalid recipient (in reply to RCPT TO command)", "a@b.example failed 5.1.1 hard"},
		"a rule, and nothing else":           {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 553 go away", "a@b.example failed 5.7.1 policy"},
		"a route to no domain":               {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.4.310\nDiagnostic-Code: smtp; 550 5.4.310 DNS domain b.example does not exist", "a@b.example failed 5.1.2 hard"},
		"a route that is busy":               {"Final-Recipient: a@b.example\nAction: failed\nStatus: 5.4.316\nDiagnostic-Code: smtp; 550 5.4.316 Message expired, connection refused", "a@b.example failed 5.4.316 soft"},
		"an action of its own":               {"Final-Recipient: a@b.example\nAction: undeliverable\nStatus: 5.1.1", "a@b.example failed 5.1.1 hard"},
		"success":                            {"Final-Recipient: a@b.example\nAction: relayed\nStatus: 2.0.0", ""},
	} {
		text := "Content-Type: multipart/report; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: message/delivery-status\n\n" + c.fields + "\n--b--\n"
		if got := findings(t, text); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// findings returns "address action status class" of each recipient.
func findings(t testing.TB, text string) string {
	t.Helper()
	finding, err := bounce.Inspect(gateway.Bytes(text))
	if err != nil {
		t.Fatal(err)
	}
	if finding.Bounce != (len(finding.Recipients) > 0 && finding.Recipients[0].Action != "") {
		t.Errorf("a bounce without recipients, or the other way round: %+v", finding)
	}
	var all []string
	for _, one := range finding.Recipients {
		status := ""
		if one.Status != (gateway.EnhancedCode{}) {
			status = one.Status.String()
		}
		all = append(all, strings.Join([]string{string(one.Address), string(one.Action), status, string(one.Class)}, " "))
	}
	return strings.Join(all, ", ")
}

// A report of success is no bounce, whatever the text beside it says.
func TestSuccess(t *testing.T) {
	for _, action := range []string{"delivered", "relayed", "expanded", "deliverable"} {
		text := "From: MAILER-DAEMON@x.example\nSubject: Mail Delivery Status Report\nContent-Type: multipart/report; boundary=b\n\n--b\n\n" +
			"Enclosed is the mail delivery report that you requested.\n\n<a@b.example>: delivery via mx.b.example: 250 2.1.5 Ok\n" +
			"--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.example\nAction: " + action + "\nStatus: 2.1.5\n--b--\n"
		if got := findings(t, text); got != "" {
			t.Errorf("%s: %q", action, got)
		}
	}
}

func TestMIMEForms(t *testing.T) {
	const report = "Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n"
	const found = "a@b.example failed 5.1.1 hard"
	for name, c := range map[string]struct{ text, want string }{
		"alone":                  {report, found},
		"quoted boundary":        {"Content-Type: multipart/report; report-type=delivery-status;\n boundary=\"a \\\"b\"\n\n--a \"b\n" + report, found},
		"no end":                 {"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + report, found},
		"nested, same boundary":  {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/report; boundary=b\n\n--b\n" + report + "--b--\n--b--\n", found},
		"base64":                 {"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\nRmluYWwtUmVjaXBpZW50OiBhQGIuZXhhbXBsZQ0KU3RhdHVzOiA1LjEuMQ0K\n", found},
		"quoted-printable":       {"Content-Type: message/global-delivery-status\nContent-Transfer-Encoding: quoted-printable\n\nFinal-Recipient: a=40b.example\nStatus: 5.1.=\n1\n", found},
		"inside a returned one":  {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n" + report + "--b--\n", ""},
		"quoted in text":         {"Subject: help\n\n> " + strings.ReplaceAll(report, "\n", "\n> "), ""},
		"behind the last part":   {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n--b--\n" + report, ""},
		"too deep":               {nested(bounce.DepthMax+1) + report, ""},
		"just not too deep":      {nested(bounce.DepthMax) + report, found},
		"behind too many parts":  {"Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", bounce.PartsMax) + "--b\n" + report, ""},
		"no header at all":       {"\n\n", ""},
		"nothing":                {"", ""},
		"only a boundary":        {"Content-Type: multipart/report; boundary=b\n\nFinal-Recipient: a@b.example", ""},
		"behind what is read":    {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + strings.Repeat("x\n", bounce.ContentBytesMax/2) + "--b\n" + report, ""},
		"from an mbox":           {"From MAILER-DAEMON Mon Nov 23\n" + report, found},
		"broken header":          {"Content-Type: message/delivery-status\nFinal-Recipient\n\nFinal-Recipient: a@b.example\nStatus: 5.1.1\n", found},
		"forwarded as a message": {"Content-Type: message/rfc822\n\n" + report, ""},
	} {
		if got := findings(t, c.text); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// nested is the start of n multiparts inside each other.
func nested(n int) string {
	var b strings.Builder
	for i := range n {
		mark := strings.Repeat("x", i+1)
		b.WriteString("Content-Type: multipart/mixed; boundary=" + mark + "\n\n--" + mark + "\n")
	}
	return b.String()
}

// Messages that are made to cost time. Each is as large as what is read; the
// bound is far above what a linear walk takes, and far below a quadratic one.
func TestBombs(t *testing.T) {
	fill := func(head, unit string) string {
		return head + strings.Repeat(unit, (bounce.ContentBytesMax-len(head))/len(unit))
	}
	long := strings.Repeat("y", 200)
	deep := ""
	for i := range bounce.DepthMax {
		deep += "Content-Type: multipart/mixed; boundary=" + long + string(rune('0'+i)) + "\n\n--" + long + string(rune('0'+i)) + "\n"
	}
	for name, text := range map[string]string{
		"folds":       fill("Subject: x\n", " \n"),
		"fields":      fill("", "a:\n"),
		"parts":       fill("Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\n"),
		"delimiters":  fill(deep, "--"+long+"z\n"),
		"parameters":  fill("Content-Type: multipart/mixed", ";a=\"\\\"\""),
		"recipients":  fill("Content-Type: message/delivery-status\n\n", "Final-Recipient: a@b\nStatus: 5.0.0\n\n"),
		"report fold": fill("Content-Type: message/delivery-status\n\nStatus: 5.0.0\n", " \n"),
		"long name":   fill("Content-Type: message/delivery-status\n\n"+strings.Repeat("n", bounce.PartBytesMax/2)+":\n", " \n"),
		"qmail":       fill("Subject: x\n\nHi. This is \n", "<a@b>:\n<c@d>:\n"),
		"exim":        fill("X-Failed-Recipients: "+strings.Repeat("a@b,", 1000)+"\n\n", "  a@b\n  x\n"),
		"authors":     fill("From: MAILER-DAEMON@x\n\nNot delivered:\n<a@b.example>: 550\n--- Below this line is a copy\n", "From: a@b\n"),
		"addressees":  fill("From: MAILER-DAEMON@x\nTo: a@b.example\nSubject: Returned mail\n\nNot delivered: mailbox full\n", "To: a@b.example\n"),
		"states":      fill("From: MAILER-DAEMON@x\n\nNot delivered:\n<a@b.example>: ", "unknown "),
		"escapes":     fill("From: MAILER-DAEMON@x\nContent-Type: text/plain; charset=iso-2022-jp\n\n", "\x1b$B$3\x1b(B"),
		"signs":       fill("From: MAILER-DAEMON@x\n\nNot delivered:\n", "@"),
		"half a sign": fill("From: MAILER-DAEMON@x\n\nNot delivered:\n", "a@"),
		"quotes":      fill("From: MAILER-DAEMON@x\n\nNot delivered:\n", "\"@"),
		"open styles": fill("From: MAILER-DAEMON@x\nContent-Type: text/html\n\nNot delivered:\n", "<title>"),
		"nested":      fill("", "Content-Type: multipart/mixed; boundary=b\n\n--b\n"),
	} {
		start := time.Now()
		inspect(t, text)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}
