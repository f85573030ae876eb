package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/sdk/sdktest"
)

// decorated runs the handler twice on a post to dev, as what it adds it must
// find, and returns what became of the parts.
func decorated(t *testing.T, footer string, parts ...sdktest.Part) []sdktest.Part {
	t.Helper()
	h := sdktest.Host{
		Mail: "Subject: x\n\n", Parts: slices.Clone(parts),
		Keys:   map[string]string{"list.address": "dev@lists.example.com"},
		Config: map[string]any{"footer": footer},
	}
	for range 2 {
		if err := h.Outgoing(decorate); err != nil {
			t.Fatal(err)
		}
	}
	return h.Parts
}

func TestText(t *testing.T) {
	const footer = "-----\nThe <dev> list"
	const html = "<p>-----<br>The &lt;dev&gt; list</p>\r\n"
	for _, c := range []struct{ name, kind, charset, text, want string }{
		{"text", "text/plain", "", "hello\r\n", "hello\r\n\r\n" + crlf(footer) + "\r\n"},
		{"no line end", "text/plain", "utf-8", "grüße", "grüße\r\n\r\n" + crlf(footer) + "\r\n"},
		{"a flowed line", "text/plain", "utf-8", "flowed \r\n", "flowed \r\n\r\n" + crlf(footer) + "\r\n"},
		{"many line ends", "text/plain", "utf-8", "hello\r\n\r\n\r\n", "hello\r\n\r\n" + crlf(footer) + "\r\n"},
		{"no text", "text/plain", "", "", crlf(footer) + "\r\n"},
		{"repeated", "text/plain", "", "hello\n\n-----\nThe <dev> list  \n\n", ""},
		{"quoted at the end", "text/plain", "", "I agree.\n\n> hello\n> \n> -----\n> The <dev> list\n>\n", ""},
		{"quoted twice", "text/plain", "", "Me too.\n\n>> -----\n> > The <dev> list\n", ""},
		{"quoted above", "text/plain", "", "> -----\n> The <dev> list\nWhy?\n", "> -----\r\n> The <dev> list\r\nWhy?\r\n\r\n" + crlf(footer) + "\r\n"},
		{"half of it", "text/plain", "", "The <dev> list\n", "The <dev> list\r\n\r\n" + crlf(footer) + "\r\n"},
		{"armored", "text/plain", "", "-----BEGIN PGP SIGNED MESSAGE-----\nx\n", ""},
		{"armored below", "text/plain", "", "key:\r\n-----BEGIN PGP PUBLIC KEY BLOCK-----\r\n", ""},
		{"armor is talked about", "text/plain", "", "> -----BEGIN PGP MESSAGE-----", "> -----BEGIN PGP MESSAGE-----\r\n\r\n" + crlf(footer) + "\r\n"},
		{"unnamed charset", "text/plain", "", "grüße", ""},
		{"unnamed ISO-2022", "text/plain", "us-ascii", "\x1b$B$3\x1b(B", ""},
		{"unknown charset", "text/plain", "utf-7", "gr+APwA3w-e", ""},
		{"not quite a known charset", "text/plain", "iso-2022-jp-2", "gr", ""},
		{"octets that are no text", "text/plain", "utf-8", "gr\uFFFDe", ""},
		{"a NUL", "text/plain", "utf-8", "a\x00b", ""},
		{"almost too long", "text/plain", "utf-8", strings.Repeat("x", textBytesMax), strings.Repeat("x", textBytesMax) + "\r\n\r\n" + crlf(footer) + "\r\n"},
		{"too long", "text/plain", "utf-8", strings.Repeat("x", textBytesMax+1), ""},
		{"HTML alone", "text/html", "utf-8", "<p>hello</p>", ""},
		{"a file", "application/zip", "", "PK", ""},
		{"S/MIME", "application/pkcs7-mime", "", "x", ""},
		{"a message", "message/rfc822", "", "Subject: x", ""},
		{"HTML", "html", "utf-8", "<html><body>hello</body></html>", "<html><body>hello" + html + "</body></html>"},
		{"HTML in capitals", "html", "", "<BODY>hello\n</BODY\n></HTML>\n", "<BODY>hello\r\n" + html + "</BODY\r\n></HTML>\r\n"},
		{"HTML talks of HTML", "html", "", "<body>&lt;/body> '</body' </body>", "<body>&lt;/body> '</body' " + html + "</body>"},
		{"HTML without end", "html", "", "<b>hello", "<b>hello" + html},
		{"HTML, repeated", "html", "", "<p>-----<br>The &lt;dev&gt; list</p> I agree", ""},
		{"HTML of unnamed charset", "html", "", "<meta charset=koi8-r>grüße", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			parts, at := []sdktest.Part{{Type: c.kind, Charset: c.charset, Text: c.text}}, 0
			if c.kind == "html" {
				parts, at = []sdktest.Part{{Type: "multipart/alternative"}, {Type: "text/plain", Text: "hello"}, {Type: "text/html", Charset: c.charset, Text: c.text}}, 2
			}
			want := c.want
			if want == "" {
				want = c.text
			}
			if got := decorated(t, footer, parts...)[at].Text; got != want {
				t.Errorf("%.200q\nnot\n%.200q", got, want)
			}
		})
	}
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// TestPlaces holds which parts get the footer. A row is the parts of a post:
// their depth by the space in front, and a + at those that get it.
func TestPlaces(t *testing.T) {
	for name, outline := range map[string]string{
		"mixed":                     "multipart/mixed\n text/plain +\n application/pdf\n text/plain",
		"text behind a picture":     "multipart/mixed\n image/png\n text/plain +",
		"text files":                "multipart/mixed\n text/plain file\n text/plain +",
		"nothing but text files":    "multipart/mixed\n text/plain file\n text/plain attached",
		"alternative":               "multipart/alternative\n text/plain +\n text/html +",
		"alternative, wrong way":    "multipart/alternative\n text/html +\n text/plain +",
		"alternative, no HTML":      "multipart/alternative\n text/plain +\n text/calendar",
		"alternative in mixed":      "multipart/mixed\n multipart/alternative\n  text/plain +\n  text/html +\n text/html\n text/plain",
		"pictures in alternative":   "multipart/alternative\n text/plain +\n multipart/related\n  text/html +\n  image/png",
		"alternative with pictures": "multipart/related\n multipart/alternative\n  text/plain +\n  text/html +\n image/png",
		"text, then HTML":           "multipart/mixed\n text/plain +\n text/html",
		"HTML with pictures":        "multipart/related\n text/html\n image/png",
		"signed":                    "multipart/signed\n text/plain\n application/pgp-signature",
		"signed inside":             "multipart/mixed\n multipart/signed\n  text/plain\n  application/pkcs7-signature\n text/plain",
		"signed below":              "multipart/mixed\n text/plain\n multipart/signed\n  text/plain\n  application/x-pkcs7-signature",
		"signature that is left":    "multipart/mixed\n text/plain\n application/pgp-signature",
		"S/MIME signature left":     "multipart/mixed\n text/plain\n application/x-pkcs7-signature",
		"S/MIME that is a file":     "multipart/mixed\n text/plain\n application/x-pkcs7-mime",
		"HTML files":                "multipart/alternative\n text/plain +\n multipart/mixed\n  text/html file\n  text/html attached\n  text/html +",
		"encrypted":                 "multipart/encrypted\n application/pgp-encrypted\n application/octet-stream",
		"a key":                     "multipart/mixed\n text/plain +\n application/pgp-keys",
		"a message":                 "multipart/mixed\n message/rfc822\n  text/plain\n text/plain +",
		"a signed message":          "multipart/mixed\n text/plain +\n message/rfc822\n  multipart/signed\n   text/plain\n   application/pgp-signature",
		"a digest":                  "multipart/digest\n message/rfc822\n  text/plain\n message/rfc822\n  text/plain",
		"a message in alternative":  "multipart/alternative\n text/plain +\n message/rfc822\n  text/html",
		"unknown multipart":         "multipart/x-new\n text/plain +\n text/plain",
	} {
		t.Run(name, func(t *testing.T) {
			var parts []sdktest.Part
			var want, got []string
			around := map[int]int{-1: 0}
			for i, line := range strings.Split(outline, "\n") {
				kind := strings.TrimLeft(line, " ")
				depth := len(line) - len(kind)
				kind, mark, _ := strings.Cut(kind, " ")
				part := sdktest.Part{Type: kind, Parent: around[depth-1], Text: "hello"}
				switch mark {
				case "file":
					part.Filename = "a.txt"
				case "attached":
					part.Disposition = "attachment"
				}
				around[depth], parts, want = i, append(parts, part), append(want, kind+strings.TrimLeft(mark, "abcdefghijklmnopqrstuvwxyz"))
			}
			for _, p := range decorated(t, "F", parts...) {
				if p.Replaced && p.Text == "hello\r\n\r\nF\r\n" || p.Text == "hello<p>F</p>\r\n" {
					p.Type += "+"
				}
				got = append(got, p.Type)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v\nnot %v", got, want)
			}
		})
	}
}

func TestFooterOf(t *testing.T) {
	const usual = `_______________________________________________
Mailing list dev@lists.example.com
To leave it, write to dev-leave@lists.example.com
`
	address := map[string]string{"list.address": "dev@lists.example.com"}
	for _, c := range []struct {
		name   string
		keys   map[string]string
		config map[string]any
		want   string // "" for no footer
	}{
		{"the usual one", address, nil, usual},
		{"the plugin's", address, map[string]any{"footer": "\n  p\n\n"}, "  p\n"},
		{"the list's", map[string]string{"list.address": "a@b", "list.config.footer": "l"}, map[string]any{"footer": "p"}, "l\n"},
		{"the list wants none", map[string]string{"list.address": "a@b", "list.config.footer": " "}, map[string]any{"footer": "p"}, ""},
		{"no list", nil, map[string]any{"footer": "p"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := sdktest.Host{Mail: "Subject: x\n\nhello\n", Keys: c.keys, Config: c.config}
			if err := h.Outgoing(decorate); err != nil {
				t.Fatal(err)
			}
			want := "Subject: x\n\nhello\n"
			if c.want != "" {
				want += "\n" + c.want
			}
			if h.Mail != want {
				t.Errorf("%q\nnot\n%q", h.Mail, want)
			}
		})
	}
}
