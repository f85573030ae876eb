package main

import (
	"strings"
	"unicode/utf8"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/rfc2047"
)

func rewrite(m *sdk.Message) error {
	address, ok := sdk.Get("list.address")
	policy, _ := sdk.Get("auth.dmarc.policy")
	if !ok || policy != "reject" && policy != "quarantine" {
		return nil
	}
	author, _ := sdk.Get("auth.dmarc.domain")
	if isOwn(author, address) {
		return nil
	}
	from, ok := m.Header("From")
	if !ok || strings.HasSuffix(strings.ToLower(from), "<"+strings.ToLower(address)+">") {
		return nil // the list is in it already
	}
	name, _ := sdk.Get("list.name")
	err := replace(m, from, phraseOf(nameOf(from), " via "+name)+" <"+address+">")
	if refusal, _ := err.(sdk.Refusal); refusal == sdk.ErrLimit {
		return nil // a From too long to be kept elsewhere stays as it is: the post goes on
	}
	return err
}

// replace replaces From, and keeps it where replies and readers find it.
func replace(m *sdk.Message, from, by string) error {
	if err := m.SetHeader("X-Original-From", from); err != nil {
		return err
	}
	if _, ok := m.Header("Reply-To"); !ok {
		if err := m.SetHeader("Reply-To", from); err != nil {
			return err
		}
	}
	return m.SetHeader("From", by)
}

// isOwn says whether mail of a domain is the site's own.
func isOwn(domain, address string) bool {
	own := append(sdk.ConfigList("own"), address[strings.LastIndexByte(address, '@')+1:])
	for _, d := range own {
		if strings.EqualFold(domain, d) || strings.HasSuffix(strings.ToLower(domain), "."+strings.ToLower(d)) {
			return true
		}
	}
	return false
}

// phraseOf is a name and what is said behind it. A name in a charset that cannot be
// read here stays as it was written.
func phraseOf(name, behind string) string {
	text := rfc2047.Decode(name)
	if strings.ContainsFunc(text, isNoText) && isPhrase(name) {
		return name + " " + rfc2047.Phrase(strings.TrimSpace(behind))
	}
	return rfc2047.Phrase(text + behind)
}

// isNoText says whether a character is one of octets that were not read. Those of
// ISO-2022 have escapes among them.
func isNoText(r rune) bool { return r == utf8.RuneError || r < ' ' }

// isPhrase says whether s can stand in front of an angle bracket without quotes: it
// has none of the specials (RFC 5322, section 3.2.3).
func isPhrase(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`()<>[]:;@\,."`, r) })
}

// nameOf is what people call an author: the display name, as it was written but for
// quotes, else the local part of the address.
func nameOf(from string) string {
	name, address := "", from
	if at := angle(from); at >= 0 {
		name, address = from[:at], from[at+1:]
	}
	if name = strings.TrimSpace(unquote(strings.TrimSpace(name))); name != "" {
		return name
	}
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		address = address[:at]
	}
	return unquote(strings.TrimSpace(address))
}

// angle is the place of the bracket that an address begins with, outside of
// quoted-strings, or -1.
func angle(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case '<':
			if !quoted {
				return i
			}
		}
	}
	return -1
}

// unquote takes the quotes and escapes of a quoted-string away.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
