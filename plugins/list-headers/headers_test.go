package main

import (
	"strings"
	"testing"

	"github.com/mmgw/mmgw/sdk/sdktest"
)

func TestDecorate(t *testing.T) {
	h := sdktest.Host{
		Keys: map[string]string{
			"list.address":     "dev@lists.example.com",
			"list.id":          "dev.lists.example.com",
			"list.description": "Developers, old and new",
		},
		Mail: `From: anne@example.com
List-Id: <other.example.net>
Subject: hello
list-unsubscribe: <https://other.example.net/leave?anne>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Listing: stays
Precedence: bulk

text
`,
	}
	const want = `From: anne@example.com
Subject: hello
Listing: stays
Precedence: list
List-Id: "Developers, old and new" <dev.lists.example.com>
List-Post: <mailto:dev@lists.example.com>
List-Help: <mailto:dev-request@lists.example.com?subject=help>
List-Subscribe: <mailto:dev-join@lists.example.com>
List-Owner: <mailto:dev-owner@lists.example.com>
List-Unsubscribe: <mailto:dev-leave@lists.example.com>

text
`
	for _, round := range []string{"first", "second"} {
		if err := h.Outgoing(decorate); err != nil {
			t.Fatal(err)
		}
		if h.Mail != want {
			t.Fatalf("%s time:\n%s\nwant:\n%s", round, h.Mail, want)
		}
	}
}

func TestValues(t *testing.T) {
	for _, test := range []struct {
		name  string
		keys  map[string]string
		field string
		want  string
	}{
		{"no description", nil, "List-Id", "<a.example.org>"},
		{"description in UTF-8", map[string]string{"list.description": "Grüße"}, "List-Id", "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= <a.example.org>"},
		{"description with a line end", map[string]string{"list.description": "a\nBcc: b"}, "List-Id", "=?UTF-8?Q?a_Bcc=3A_b?= <a.example.org>"},
		{"odd local part", map[string]string{"list.address": "a&b?c=d%@example.org"}, "List-Post", "<mailto:a%26b%3Fc%3Dd%25@example.org>"},
		{"archive", map[string]string{"list.config.archive": "https://example.org/a/?x=1>\n"}, "List-Archive", "<https://example.org/a/?x=1%3E%0A>"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := sdktest.Host{Mail: "Subject: x\n\n", Keys: map[string]string{"list.address": "a@example.org", "list.id": "a.example.org"}}
			for key, value := range test.keys {
				h.Keys[key] = value
			}
			if err := h.Outgoing(decorate); err != nil {
				t.Fatal(err)
			}
			if got := h.Header(test.field); got != test.want {
				t.Errorf("%s: %s\nwant %s", test.field, got, test.want)
			}
		})
	}
}

func TestSender(t *testing.T) {
	h := sdktest.Host{
		Mail:   "Sender: anne@example.com\n\n",
		Keys:   map[string]string{"list.address": "a@example.org"},
		Config: map[string]any{"sender": true},
	}
	if err := h.Outgoing(decorate); err != nil {
		t.Fatal(err)
	}
	if got := h.Header("Sender"); got != "a-bounces@example.org" {
		t.Errorf("Sender: %s", got)
	}
}

func TestReplyTo(t *testing.T) {
	for _, c := range []struct{ all, own, was, want string }{
		{"", "", "", ""},
		{"", "", "anne@example.com", "anne@example.com"},
		{"list", "", "", "a@example.org"},
		{"list", "", "Anne <anne@example.com>", "Anne <anne@example.com>, a@example.org"},
		{"list", "", "The list <A@example.org>", "The list <A@example.org>"},
		{"list", "", "aa@example.org", "aa@example.org, a@example.org"},
		{"list", "", "anne@example.com\nReply-To:\nReply-To: bart@example.com", "anne@example.com, bart@example.com, a@example.org"},
		{"list", "author", "", ""},
		{"", "list", "", "a@example.org"},
	} {
		h := sdktest.Host{Mail: "Subject: x\n\n", Keys: map[string]string{"list.address": "a@example.org"}, Config: map[string]any{}}
		if c.was != "" {
			h.Mail = "Reply-To: " + c.was + "\n" + h.Mail
		}
		if c.all != "" {
			h.Config["reply_to"] = c.all
		}
		if c.own != "" {
			h.Keys["list.config.reply_to"] = c.own
		}
		if err := h.Outgoing(decorate); err != nil || h.Header("Reply-To") != c.want {
			t.Errorf("%+v: Reply-To: %s, %v", c, h.Header("Reply-To"), err)
		}
	}
}

func TestForwardRoute(t *testing.T) {
	const mail = "List-Id: <other.example.net>\n\n"
	h := sdktest.Host{Mail: mail}
	if err := h.Outgoing(decorate); err != nil || h.Mail != mail {
		t.Errorf("mail that belongs to no list became %q, %v", h.Mail, err)
	}
}

func TestPrivate(t *testing.T) {
	h := sdktest.Host{
		Mail: "Bcc: b@example.com\nReturn-Receipt-To: a@example.com\nDISPOSITION-NOTIFICATION-TO: a@example.com\nX-Confirm-Reading-To: a@example.com\nX-PMRQC: 1\nResent-Bcc: b@example.com\n" +
			"Approved: secret\nX-Approved: secret\nApprove: secret\nX-Approve: secret\nBcc-Not: stays\nSubject: x\n\n",
		Keys: map[string]string{"list.address": "a@example.org", "list.id": "a.example.org"},
	}
	if err := h.Outgoing(decorate); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(h.Mail, "Bcc-Not: stays\nSubject: x\nList-Id:") {
		t.Errorf("%s", h.Mail)
	}
}

// TestOneClick holds that members who leave by a link get one each, and that
// braces of an address are none of a template.
func TestOneClick(t *testing.T) {
	h := sdktest.Host{
		Mail: "List-Unsubscribe: <https://other.example>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n\n",
		Keys: map[string]string{"list.address": "a{member}@example.org", "list.id": "a.example.org", "list.unsubscribe_url": "https://example.org/unsubscribe"},
	}
	if err := h.Outgoing(decorate); err != nil {
		t.Fatal(err)
	}
	const want = "<{unsubscribe_url}>, <mailto:a%7Bmember%7D-leave@example.org>"
	if got := h.Templates["List-Unsubscribe"]; got != want || h.Header("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		t.Errorf("template %q in\n%s", got, h.Mail)
	}
}
