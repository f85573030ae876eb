package main

import (
	"strings"

	"github.com/mmgw/mmgw/sdk"
)

func decorate(m *sdk.Message) error {
	footer := strings.TrimRight(strings.Trim(footerOf(), "\r\n"), " \t\r\n")
	if footer == "" {
		return nil
	}
	for _, p := range places(m) {
		text, err := read(p)
		if err != nil {
			return err
		}
		if text.closed() {
			return nil
		}
		if err := text.put(p, footer); err != nil {
			return err
		}
	}
	return nil
}

func footerOf() string {
	address, ok := sdk.Get("list.address")
	if !ok {
		return "" // a forward route
	}
	if footer, ok := sdk.Get("list.config.footer"); ok {
		return footer
	}
	if footer, ok := sdk.Config("footer"); ok {
		return footer
	}
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return ""
	}
	return "_______________________________________________\n" +
		"Mailing list " + address + "\n" +
		"To leave it, write to " + address[:at] + "-leave" + address[at:]
}

// places are the parts that the footer goes into: the first text, and the HTML
// form of it.
func places(m *sdk.Message) []sdk.Part {
	parts := own(m)
	for _, p := range parts {
		if p.Type() == "text/plain" && isShown(p) {
			return append([]sdk.Part{p}, htmlOf(p, parts)...)
		}
	}
	return nil
}

// own are the parts of the post itself, without those of the messages in it.
// There are none where it is signed or encrypted.
func own(m *sdk.Message) []sdk.Part {
	var parts []sdk.Part
	inner := -1 // depth of a message in the message
	for p := range m.Parts {
		kind, depth := p.Type(), p.Depth()
		if inner >= 0 && depth > inner {
			continue
		}
		inner = -1
		if strings.HasPrefix(kind, "message/") {
			inner = depth
		}
		if isSealed(kind) {
			return nil
		}
		parts = append(parts, p)
	}
	return parts
}

// isSealed says whether a media type is of signed or encrypted mail: RFC 1847,
// RFC 8551, RFC 3156 and what came before them. The detached signatures stand
// for mail that lost its multipart/signed on the way.
func isSealed(kind string) bool {
	switch kind {
	case "multipart/signed", "multipart/encrypted",
		"application/pkcs7-mime", "application/x-pkcs7-mime",
		"application/pkcs7-signature", "application/x-pkcs7-signature",
		"application/pgp", "application/pgp-encrypted", "application/pgp-signature":
		return true
	}
	return false
}

// isShown says whether a text is the mail's own and no file that came with it.
func isShown(p sdk.Part) bool { return p.Disposition() != "attachment" && p.Filename() == "" }

// htmlOf is the HTML part that says the same as a plain one: one of the nearest
// multipart/alternative around that, at any depth, as HTML often lies in a
// multipart/related with its pictures.
func htmlOf(plain sdk.Part, parts []sdk.Part) []sdk.Part {
	around, ok := plain.Parent()
	for ok && around.Type() != "multipart/alternative" {
		around, ok = around.Parent()
	}
	if !ok {
		return nil
	}
	depth := around.Depth()
	for _, p := range parts {
		switch {
		case p <= around:
		case p.Depth() <= depth:
			return nil
		case p.Type() == "text/html" && isShown(p):
			return []sdk.Part{p}
		}
	}
	return nil
}
