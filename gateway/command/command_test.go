package command

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// text is how commands stand in the tables: verb, argument.
func text(all []Command) string {
	words := make([]string, len(all))
	for i, c := range all {
		words[i] = strings.TrimSpace(fmt.Sprintf("%s %s", c.Verb, c.Argument))
	}
	return strings.Join(words, ", ")
}

func TestRead(t *testing.T) {
	const confirm, request = gateway.Confirm, gateway.Request
	for _, c := range []struct {
		name                  string
		service               gateway.Service
		detail, subject, text string
		want                  string
	}{
		{"join", gateway.Join, "", "please", "leave\n", "join"},
		{"leave", gateway.Leave, "", "", "join\n", "leave"},
		{"confirm by address", confirm, "AbC123", "leave", "leave", "confirm abc123"},
		{"confirm by subject", confirm, "", "Re: AW: confirm XYZ", "> confirm abc\nThanks!", "confirm xyz"},
		{"confirm by text", confirm, "", "", "\n  Confirm xyz  \n", "confirm xyz"},
		{"a detail that is no token", confirm, "a=b", "Re: confirm xyz", "", "confirm xyz"},
		{"confirm what?", request, "", "", "confirm\n", "unknown"},
		{"help", request, "", "Help", "", "help"},
		{"several", request, "", "", "help\nsubscribe\nunsubscribe\nend\njoin\n", "help, join, leave"},
		{"subject and text", request, "", "join", "help\n", "join, help"},
		{"prose below a subject", request, "", "subscribe", "Dear list,\nI would like to join.\n", "join"},
		{"prose alone", request, "", "hello", "Dear list,\njoin\n", "unknown"},
		{"a signature", request, "", "", "leave\n-- \nAnne\njoin\n", "leave"},
		{"what a phone adds", request, "", "", "join\n\nSent from my iPhone\n", "join"},
		{"a byte order mark", request, "", "", "\ufeffjoin\n", "join"},
		{"zero-width spaces", request, "", "\u200fjoin\u200b", "> x", "join"},
		{"quotes", request, "", "", "> join\n>leave\nhelp\n", "help"},
		{"nothing", request, "", "", "", "help"},
		{"nothing to confirm", confirm, "", "", "", ""},
		{"a subject of marks", request, "", "Re: Re:", "", "help"},
		{"a long mark", request, "", "Antwort: Confirm XYZ", "", "confirm xyz"},
		{"a space before the colon", request, "", "Re : confirm xyz", "", "confirm xyz"},
		{"a wide colon", request, "", "回复：confirm xyz", "", "confirm xyz"},
		{"a mark of the mail server", request, "", "[EXTERNAL] RE: [EXT] confirm xyz", "", "confirm xyz"},
		{"marks of two words", request, "", "Trả lời: confirm xyz (anne@example.com wants to join)", "", "confirm xyz"},
		{"brackets that do not end", request, "", "[help", "", "unknown"},
		{"a colon is no mark", request, "", "Question about the list: join", "", "unknown"},
		{"many", request, "", "", strings.Repeat("join\n", 50), strings.TrimSuffix(strings.Repeat("join, ", CommandsMax), ", ")},
		{"far down", request, "", "", strings.Repeat(">\n", linesMax) + "join\n", "help"},
		{"a long token", request, "", "confirm " + strings.Repeat("a", tokenMax+1), "", "unknown"},
		{"a mistyped subject", request, "", "subcribe", "> join\n-- \nAnne\n", "unknown"},
	} {
		if got := text(Read(c.service, c.detail, c.subject, c.text)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAutomatic(t *testing.T) {
	for field, want := range map[string]string{
		"X-Mailer: a":                                 "",
		"Feedback-ID: i197146af:Fastmail":             "",
		"Auto-Submitted: no":                          "",
		"Auto-Submitted: No (I wrote it)":             "",
		"Precedence: special-delivery":                "",
		"Auto-Submitted: auto-replied (vacation)":     "it was submitted automatically",
		"auto-submitted: Auto-Generated; owner=\"x\"": "it was submitted automatically",
		"Precedence: BULK":                            "it is bulk mail",
		"List-Id: <x.example.com>":                    "it has a field List-Id",
		"X-Loop: x":                                   "it has a field X-Loop",
		"X-Auto-Response-Suppress: All":               "it has a field X-Auto-Response-Suppress",
	} {
		header := gateway.Header{gateway.Field("Subject: x\r\n"), gateway.Field(field + "\r\n")}
		if got := Automatic(header, "anne@example.com"); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	if got := Automatic(nil, ""); got != "it has a null reverse-path" {
		t.Errorf("from <>: %q", got)
	}
}

func TestReply(t *testing.T) {
	for _, c := range []struct {
		from  gateway.ReversePath
		field string
		want  string
	}{
		{"a@example.com", "Subject: Out of office", ""},
		{"a@example.com", "Auto-Submitted: auto-generated", ""}, // what a build server posts
		{"a@example.com", "Precedence: bulk", ""},
		{"", "X-A: b", ""},
		{"a@example.com", "Content-Type: multipart/report; boundary=x", ""},
		{"a@example.com", "Auto-Submitted: Auto-Replied; x=y", "it is an automatic reply"},
		{"a@example.com", "X-Autoreply: yes", "it is an automatic reply"},
		{"a@example.com", "Precedence: auto_reply", "it is an automatic reply"},
		{"", "Content-Type: Multipart/Report; report-type=delivery-status; boundary=x", "it is a report"},
	} {
		if got := Reply(gateway.Header{gateway.Field(c.field + "\r\n")}, c.from); got != c.want {
			t.Errorf("<%s>, %s: %q, want %q", c.from, c.field, got, c.want)
		}
	}
}

func TestUnanswerable(t *testing.T) {
	const machine = "its author is a machine"
	for _, c := range []struct {
		from   gateway.ReversePath
		author gateway.ForwardPath
		want   string
	}{
		{"anne@example.com", "anne@example.com", ""},
		{"anne+lists@example.com", "requester@example.com", ""},
		{"anne@example.com", "", "it has no single author"},
		{"mailer-daemon@example.com", "anne@example.com", machine},
		{"anne@example.com", "No.Reply@example.com", machine},
		{"other-bounces+x=y@example.com", "anne@example.com", machine},
		{"anne@example.com", "other-request@example.com", machine},
		{"anne@example.com", "owner-other@example.com", machine},
	} {
		if got := Unanswerable(c.from, c.author); got != c.want {
			t.Errorf("%s, %s: %q, want %q", c.from, c.author, got, c.want)
		}
	}
}

func TestAuthor(t *testing.T) {
	for value, want := range map[string]gateway.ForwardPath{
		"From: Anne <Anne@Example.com>\r\n":           "Anne@example.com",
		"From: =?big5?B?p0E=?= <a@example.com>\r\n":   "a@example.com",
		"From: Anne <\"anne..b\"@example.com>\r\n":    `"anne..b"@example.com`,
		"From: anne@example.com, bart@example.com\r":  "",
		"From: undisclosed:;\r\n":                     "",
		"From: \r\n":                                  "",
		"From: " + strings.Repeat("(", 5000) + "\r\n": "",
	} {
		if got, _ := Author(gateway.Header{gateway.Field(value)}); got != want {
			t.Errorf("%.40q: %q, want %q", value, got, want)
		}
	}
	if got, _ := Author(gateway.Header{"From: a@example.com\r\n", "From: b@example.com\r\n"}); got != "" {
		t.Errorf("two From fields: %q", got)
	}
	if _, name := Author(gateway.Header{"From: =?utf-8?q?J=C3=BCrgen=0D=0A?= <a@example.com>\r\n"}); name != "Jürgen??" {
		t.Errorf("name %q", name)
	}
}

// Whatever the message, commands stay few and printable, and tokens are plain.
func FuzzRead(f *testing.F) {
	f.Add("abc", "Re: confirm x", "join\n> leave\n-- \n")
	f.Fuzz(func(t *testing.T, detail, subject, body string) {
		for _, service := range []gateway.Service{gateway.Confirm, gateway.Request} {
			all := Read(service, detail, subject, body)
			if len(all) > CommandsMax+1 {
				t.Errorf("%d commands", len(all))
			}
			for _, c := range all {
				if c.Argument != "" && !isToken(c.Argument) || gateway.Printable(c.Line) != c.Line {
					t.Errorf("%+v", c)
				}
			}
		}
	})
}
