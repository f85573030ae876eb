package conformance

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// hostileMail is mail that nobody writes by hand, by name. What mail can hold
// that reached a handler: all lines end in CRLF, the last one too, and the header
// is within the limits of package gateway; all else is the sender's.
func hostileMail() map[string]string {
	long := strings.Repeat("x", 60<<10)
	return map[string]string{
		"nothing at all":         "",
		"a header alone":         "Subject: hello\n",
		"a body alone":           "\n\nhello\n",
		"no subject":             "From: a@example.com\n\nhello\n",
		"an empty subject":       "Subject:\nTo:\n\n",
		"a blank subject":        "Subject: \t \n \t\n\nhello\n",
		"NUL and controls":       "Subject: a\x00b\x01\x1b[2J\x7f\n\n\x00\x00\x1b\n",
		"invalid UTF-8":          "Subject: \xff\xfe\xc0\x80\xed\xa0\x80 \xf8\x88\x80\x80\x80\nFrom: \xe9\n\n\xff\xff\xc3\n",
		"a long field":           "Subject: " + long + "\nX-Spam-Score: " + long + "\n\nhello\n",
		"many fields":            strings.Repeat("Received: from a by b\n", 300) + strings.Repeat("Subject: one of many\n", 300) + strings.Repeat("X-Spam-Score: 1\n", 300) + "\nhello\n",
		"a long name":            strings.Repeat("X", 900) + ": y\n\nhello\n",
		"a field of folds":       "Subject:" + strings.Repeat("\n x", 400) + "\n\nhello\n",
		"colons and no names":    "Subject : x\n: y\nno field at all\n\nhello\n",
		"words that smuggle":     "Subject: =?utf-8?q?a=0D=0ABcc:_x@example.com=0D=0A=0D=0Ahello?=\nFrom: =?utf-8?b?DQpCY2M6IHg=?= <a@example.com>\n\nhello\n",
		"broken words":           "Subject: =?utf-8?q?=Z=?= =?x?b?!?= =?utf-8?b? =?= =?=?=?=\n\nhello\n",
		"placeholders":           "Subject: {member} {verp} {{}}}{\nTo: {unsubscribe_url}\n\n{member}\n",
		"numbers out of range":   "X-Spam-Score: 99999999999999999999999999999999999999\nX-Spam-Score: -\nX-Spam-Flag: NaN\nContent-Length: -1\n\nhello\n",
		"a long line":            "Subject: x\n\n" + strings.Repeat("y", 1<<20) + "\n",
		"no boundary":            "Content-Type: multipart/mixed\n\n--x\n\nhello\n",
		"an open boundary":       "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nhello\n",
		"an empty boundary":      "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nhello\n----\n",
		"a boundary of controls": "Content-Type: multipart/mixed; boundary=\".*[(\\\\\"\n\n--.*[(\\\n\nhello\n",
		"deep parts":             deepParts(60),
		"many parts":             "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nhello\n", 1100) + "--b--\n",
		"a message in itself":    strings.Repeat("Content-Type: message/rfc822\n\n", 60) + "hello\n",
		"broken base64":          "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n!!!!\nAAA\n=\n/w==\n",
		"broken quoted":          "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\na=\nb=Z\n=FF=\n",
		"an unknown charset":     "Content-Type: text/plain; charset=\"../../x\"\nContent-Transfer-Encoding: 7bit\n\n\xff\xfe\n",
		"a lying type":           "Content-Type: text/html; charset=utf-16\nContent-Transfer-Encoding: 8bit\n\n<html>\x00<\n",
		"files that climb":       "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: attachment; filename=\"../../etc/passwd\\\"\x00\"\nContent-Type: application/x-msdownload; name*=utf-8''%00%0a.exe\n\nMZ\n--b--\n",
		"a megabyte":             "Subject: x\n\n" + strings.Repeat("0123456789abcdef\n", 1<<16),
		"a report":               "From: <>\nAuto-Submitted: auto-replied; x=\"\n\"\nPrecedence: \x00bulk\nReturn-Path: <>\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\n--b--\n",
	}
}

// deepParts is a message of parts in parts.
func deepParts(depth int) string {
	var b bytes.Buffer
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	b.WriteString("Content-Type: text/plain\n\nhello\n")
	for i := depth - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "--b%d--\n", i)
	}
	return b.String()
}

// hostileSessions are circumstances that are rare, by name.
func hostileSessions() map[string]*session {
	all := map[string]*session{}
	add := func(name string, change func(s *session)) {
		s := newSession()
		change(s)
		all[name] = s
	}
	add("the null reverse-path", func(s *session) { s.from = "" })
	add("no list", func(s *session) { s.forward, s.service = true, gateway.Forward })
	add("mail for the owners", func(s *session) { s.service = gateway.Owner })
	add("a thousand recipients", func(s *session) {
		for i := range gateway.BatchRecipientsMax {
			s.to = append(s.to, gateway.Recipient{Path: gateway.ForwardPath(fmt.Sprintf("dev+%d@lists.example.com", i))})
			s.details = append(s.details, fmt.Sprint(i))
		}
	})
	add("odd addresses", func(s *session) {
		s.from = `"a b\"@c"@example.com`
		s.to = []gateway.Recipient{{Path: "dev+" + gateway.ForwardPath(strings.Repeat("d", 40)) + "@lists.example.com"}, {Path: "ü@xn--exmple-cua.com"}}
		s.details = []string{strings.Repeat("d", 40), ""}
	})
	add("an IPv6 client", func(s *session) {
		_ = s.setClient([]string{"2001:db8::1", "\xffhost", strings.Repeat("h", 255)})
	})
	return all
}

// hostileLists are configurations that a writer may meet, by name.
func hostileLists() map[string]string {
	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, "[[list]]\naddress = \"list-%d@d%d.example.com\"\nowners = [\"o@example.com\"]\nmembers = []\n", i, i%7)
	}
	return map[string]string{
		"no lists":   "[mta]\nlmtp_port = 8024\n",
		"many lists": many.String(),
		"odd names":  "[mta]\nlmtp_host = \"::1\"\nlmtp_socket = \"/run/with space/x\"\n[[list]]\naddress = \"o'neil{a}*&$x@lists.example.com\"\nowners = [\"o@example.com\"]\nmembers = []\n[[forward]]\nname = \"x\"\ndomains = [\"x.example.com\"]\nto = \"lmtp:[::1]:25\"\n",
	}
}
