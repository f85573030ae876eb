package bounce_test

import (
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
)

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		status, text string // status "" is none
		want         string
		class        bounce.Class
	}{
		{"5.1.1", "", "5.1.1", bounce.Hard},
		{"5.1.7", "", "5.1.7", bounce.Policy}, // speaks of the reverse-path
		{"5.2.1", "", "5.2.1", bounce.Soft},
		{"5.2.2", "", "5.2.2", bounce.Full},
		{"4.2.2", "", "4.2.2", bounce.Full},
		{"5.2.3", "", "5.2.3", bounce.Policy}, // speaks of the message
		{"5.4.4", "", "5.4.4", bounce.Hard},
		{"5.6.0", "", "5.6.0", bounce.Policy},
		{"5.7.1", "user unknown", "5.1.1", bounce.Hard}, // nothing is said of a rule
		{"5.7.26", "user unknown", "5.7.26", bounce.Policy},
		{"4.4.7", "", "4.4.7", bounce.Soft},
		{"5.0.0", "", "5.0.0", bounce.Soft},
		{"5.0.0", "550 5.7.1 spam", "5.7.1", bounce.Policy},
		{"5.1.1", "550 5.7.1 spam", "5.7.1", bounce.Policy}, // the text belies the status
		{"5.5.0", "550 No such user", "5.1.1", bounce.Hard},
		{"5.2.1", "550 5.2.1 No such user", "5.1.1", bounce.Hard}, // as a reply to RCPT
		{"", "in reply to end of DATA command: 550 No such user", "5.1.1", bounce.Soft},
		{"", "in reply to end of DATA command: 550 5.1.1 No such user", "5.1.1", bounce.Hard},
		{"4.1.1", "450 4.1.1 user unknown", "4.1.1", bounce.Hard},
		{"4.1.1", "", "4.1.1", bounce.Soft},            // nothing says that there is no such address
		{"4.4.7", "550 5.1.1 x", "5.1.1", bounce.Hard}, // the host's own status
		{"4.4.1", "host not found", "4.4.1", bounce.Soft},
		{"5.1.1", "550 spam-trap@example.com: no", "5.1.1", bounce.Hard}, // an address says nothing
		{"5.0.0", "552 mailbox is full", "5.2.2", bounce.Full},
		{"5.0.0", "452 try again", "4.2.2", bounce.Full},
		{"5.5.0", "554 go away", "5.5.0", bounce.Soft},
		{"", "550 No such user", "5.1.1", bounce.Hard},
		{"", "Sorry, no mailbox here by that name. (#5.1.1)", "5.1.1", bounce.Hard},
		{"", "521 go away", "5.3.2", bounce.Hard}, // RFC 7504
		{"", "556 go away", "5.1.10", bounce.Hard},
		{"5.1.1", "550 5.1.1 account disabled", "5.2.1", bounce.Soft},
		{"5.1.0", "550 5.1.0 sender rejected", "5.1.8", bounce.Policy},
		{"5.1.1", "550 5.1.1 unknown sender", "5.1.8", bounce.Policy},
		{"5.1.90", "reached your daily limit", "5.1.90", bounce.Policy},
		{"5.7.1", "550 5.7.1 relaying denied, user unknown", "5.7.1", bounce.Policy},
		{"5.2.0", "550 5.7.1 access denied, user unknown (in reply to RCPT TO command)", "5.7.1", bounce.Policy}, // a rule is a rule
		{"", "550 5.7.0 no such domain", "5.7.0", bounce.Policy},
		{"", "550 access denied, user unknown", "5.1.1", bounce.Hard},                     // no rule is named
		{"4.0.0", "450 user unknown (in reply to RCPT TO command)", "5.1.1", bounce.Hard}, // given up at last
		{"4.0.0", "450 user unknown (in reply to end of DATA command)", "5.1.1", bounce.Soft},
		{"", "450 try later", "4.0.0", bounce.Soft},
		{"", "host mx.example.net [5.1.1.9]: 550 no", "5.0.0", bounce.Soft},
		{"", "after MAIL FROM:<a@b>: 550 no", "5.1.8", bounce.Policy},
		{"", "550 the inbox of this person is full", "5.0.0", bounce.Soft}, // too far from each other
		{"", "550 the inbox is full", "5.2.2", bounce.Full},
		{"", "550 this local part is unknown", "5.1.1", bounce.Hard},
		{"", "550 the mail server could not find", "5.1.2", bounce.Hard},
		{"", "no words that are known", "", bounce.Soft},
		{"", "", "", bounce.Soft},
	} {
		var status gateway.EnhancedCode
		if c.status != "" {
			status, _ = gateway.ParseEnhancedCode(c.status)
		}
		got, class := bounce.Classify(status, c.text)
		text := got.String()
		if got == (gateway.EnhancedCode{}) {
			text = ""
		}
		if text != c.want || class != c.class {
			t.Errorf("%q %q: got %q %s, want %q %s", c.status, c.text, text, class, c.want, c.class)
		}
	}
}

func TestAutoReplies(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"replied":           {"From: Anne <anne@example.com>\nAuto-Submitted: auto-replied (vacation)\n\nI am away.\n", "anne@example.com   auto-reply"},
		"generated":         {"From: anne@example.com\nauto-submitted: Auto-Generated; x=y\n\nx\n", "anne@example.com   auto-reply"},
		"precedence":        {"From: anne@example.com\nPrecedence: auto_reply\n\nx\n", "anne@example.com   auto-reply"},
		"subject":           {"From: anne@example.com\nSubject: Automatic reply: hello\n\nx\n", "anne@example.com   auto-reply"},
		"subject, encoded":  {"From: anne@example.com\nSubject: =?utf-8?q?R=C3=A9ponse_automatique=C2=A0=3A_hello?=\n\nx\n", "anne@example.com   auto-reply"},
		"author unknown":    {"Auto-Submitted: auto-replied\n\nx\n", "   auto-reply"},
		"challenge":         {"From: anne@example.com\nAuto-Submitted: auto-replied\nSubject: Please confirm your message\n\nx\n", "anne@example.com   challenge"},
		"not automatic":     {"From: anne@example.com\nAuto-Submitted: no\nSubject: Automatic reply: how?\n\nx\n", ""},
		"a post":            {"From: anne@example.com\nSubject: Please confirm\n\nI am out of office.\n", ""},
		"unknown bounce":    {"From: MAILER-DAEMON@example.com\nAuto-Submitted: auto-replied\n\nIt failed.\n", ""},
		"a report wins":     {"From: a@b\nAuto-Submitted: auto-replied\nContent-Type: message/delivery-status\n\nFinal-Recipient: c@d\nStatus: 5.1.1\n", "c@d failed 5.1.1 hard"},
		"qmail wins":        {"From: a@b\nAuto-Submitted: auto-replied\n\nHi. This is the qmail-send program at b.\n\n<c@d>:\nuser unknown\n", "c@d failed 5.1.1 soft"},
		"no qmail mid-text": {"From: a@b\n\nHello\n\nHi. This is the qmail-send program at b.\n\n<c@d>:\nuser unknown\n", ""},
	} {
		if got := findings(t, c.text); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
