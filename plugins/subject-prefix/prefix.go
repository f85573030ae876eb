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

// replyMarkBytesMax bounds "Re", "AW", "Fwd", "Antw" and their kind.
const replyMarkBytesMax = 6

// hasPrefix says whether subject begins with prefix, behind any reply marks:
// "Re: [dev] x", "AW: Re: [dev] x". The case of ASCII letters does not count.
func hasPrefix(subject, prefix string) bool {
	for {
		subject = strings.TrimLeft(subject, " \t")
		if len(subject) >= len(prefix) && sameText(subject[:len(prefix)], prefix) {
			return true
		}
		colon := strings.IndexByte(subject, ':')
		if colon < 1 || colon > replyMarkBytesMax || !isMark(subject[:colon]) {
			return false
		}
		subject = subject[colon+1:]
	}
}

func isMark(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		counter := i >= 2 && ('0' <= c && c <= '9' || strings.IndexByte("[]()^", c) >= 0)
		if !letter && !counter && c < 0x80 {
			return false
		}
	}
	return true
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
