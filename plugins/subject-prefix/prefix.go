package main

import (
	"strings"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/rfc2047"
)

func tag(m *sdk.Message) error {
	if m.Service() != "post" {
		return nil
	}
	prefix := strings.TrimSpace(prefixOf())
	if prefix == "" {
		return nil
	}
	subject, _ := m.Header("Subject")
	if hasPrefix(rfc2047.Decode(subject), prefix) {
		return nil
	}
	err := m.SetHeader("Subject", join(prefix, subject))
	if refusal, _ := err.(sdk.Refusal); refusal == sdk.ErrLimit {
		return nil // a subject that cannot become longer stays as it is: the post goes on
	}
	return err
}

func prefixOf() string {
	if prefix, ok := sdk.Get("list.config.prefix"); ok {
		return prefix
	}
	if prefix, ok := sdk.Config("prefix"); ok {
		return prefix
	}
	if name, ok := sdk.Get("list.name"); ok {
		return "[" + name + "]"
	}
	return ""
}

// join puts prefix in front of a subject, which stays as it was written: its
// encoded-words are not touched.
func join(prefix, subject string) string {
	switch coded := rfc2047.Encode(prefix); {
	case subject == "":
		return coded + " (no subject)"
	case coded != prefix && strings.HasPrefix(subject, "=?"):
		// Space between encoded-words is not shown: it goes into the first.
		return rfc2047.Words(prefix+" ") + " " + subject
	default:
		return coded + " " + subject
	}
}

// hasPrefix says whether prefix is in front of a subject, or behind the marks that
// mail programs and filters put there, in any language: "Re: [dev] x", "Antwort: [dev]
// x", "Re : [EXTERNAL] [dev] x", "回复：[dev] x". The case of ASCII letters does not
// count.
func hasPrefix(subject, prefix string) bool {
	for at := range max(0, len(subject)-len(prefix)+1) {
		if sameText(subject[at:at+len(prefix)], prefix) && isMark(strings.TrimRight(subject[:at], " \t")) {
			return true
		}
	}
	return false
}

// isMark says whether s, which is in front of a prefix, can be a mark and is no word
// of a sentence. Colons of other scripts are not ASCII, nor are the marks of direction
// that stand in front of Arabic and Hebrew.
func isMark(s string) bool {
	return s == "" || s[len(s)-1] >= 0x80 || strings.IndexByte(":])}>*|", s[len(s)-1]) >= 0
}

func sameText(a, b string) bool {
	for i := range len(a) {
		c, d := a[i], b[i]
		if c != d && (c|0x20 != d|0x20 || c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
