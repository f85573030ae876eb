package entity

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// body is the new body, with LF.
func body(m *Message) string { return strings.ReplaceAll(string(m.Body()), "\r\n", "\n") }

func TestNothingReplaced(t *testing.T) {
	header, original := split(t, nested)
	if m := Parse(header, original); string(m.Body()) != original || m.Replaced() {
		t.Errorf("the body has become\n%s", m.Body())
	}
}

func TestReplace(t *testing.T) {
	m := parse(t, nested)
	for i, text := range map[int]string{2: "short\ntext\n", 6: "It was böse.\n"} {
		if _, err := m.Replace(i, text); err != nil {
			t.Fatal(err)
		}
	}
	got := body(m)
	for _, want := range []string{
		"preamble\n--out\nContent-Type: multipart/alternative;\n boundary=in\n\n--in\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\nshort\ntext\n\n--in\nContent-Type: text/html;",
		"PHA+Z3L832U8L3A+\n--in--\nbetween\n--out\n",
		"--out\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nIt was b=C3=B6se.\n\n--out--\nepilogue\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("without %q the body is\n%s", want, got)
		}
	}
	if strings.Contains(got, "exe") || m.Read(6) != "It was böse.\r\n" {
		t.Errorf("the attachment is still there:\n%s", got)
	}
}

func TestReplacedContainers(t *testing.T) {
	m := parse(t, nested)
	m.Replace(2, "lost")
	m.Replace(1, "one text\n")
	m.Replace(4, "no message\n")
	for i, want := range []bool{true, true, false, false, true, false, true} {
		if m.Has(i) != want {
			t.Errorf("entity %d is there: %v", i, !want)
		}
	}
	if m.Has(-1) || m.Has(7) {
		t.Error("there is what is not")
	}
	again := Parse(gateway.Header{"Content-Type: multipart/mixed; boundary=out\r\n"}, string(m.Body()))
	if got, want := outline(again), `multipart/mixed ""
 text/plain utf-8 "one text\n"
 text/plain utf-8 "no message\n"
 application/x-exe attachment böse (2).exe "\x00\x01\x02\x03"
`; got != want {
		t.Errorf("%s\nnot\n%s", got, want)
	}
}

// TestReplaceBehindTheLastDelimiter holds that the part that a body cut off
// there still has is one afterwards.
func TestReplaceBehindTheLastDelimiter(t *testing.T) {
	m := parse(t, "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b")
	if _, err := m.Replace(2, "two"); err != nil {
		t.Fatal(err)
	}
	if got, want := body(m), "--b\n\none\n--b\nContent-Type: text/plain\nContent-Transfer-Encoding: 7bit\n\ntwo"; got != want {
		t.Errorf("the body is\n%s", got)
	}
}

// TestReplaceTheMessage holds what the caller is told of the message's header.
func TestReplaceTheMessage(t *testing.T) {
	for _, test := range []struct {
		header, text string
		want         Fields
		body         string
	}{
		{"", "a\nb\rc\n", Fields{"text/plain", "7bit", true}, "a\nb c\n"},
		{"", "grüße, und noch etwas mehr\n", Fields{"text/plain; charset=utf-8", "quoted-printable", true}, "gr=C3=BC=C3=9Fe, und noch etwas mehr\n"},
		{"", "привет", Fields{"text/plain; charset=utf-8", "base64", true}, "0L/RgNC40LLQtdGC"},
		{"Content-Type: text/html; charset=koi8-r; format=\"a b\"; x y=z", "a", Fields{`text/html; format="a b"; charset=utf-8`, "7bit", true}, "a"},
		{"Content-Type: image/png", "a", Fields{"text/plain; charset=utf-8", "7bit", false}, "a"},
		{"", strings.Repeat("x", lineMax+1), Fields{"text/plain", "quoted-printable", true}, ""},
	} {
		m := parse(t, test.header+"\n\n")
		fields, err := m.Replace(0, test.text)
		if err != nil || fields != test.want || test.body != "" && body(m) != test.body {
			t.Errorf("%q, %.20q: %+v, %q, %v", test.header, test.text, fields, body(m), err)
		}
	}
}

// TestTextIsNoDelimiter holds that what a module writes stays inside of its
// part, whatever it is.
func TestTextIsNoDelimiter(t *testing.T) {
	for _, text := range []string{"a\n--in\n\nmore", "--in--\n", "--out", "--outer", "ü\n--in\n" + strings.Repeat("long ", 50)} {
		m := parse(t, nested)
		if _, err := m.Replace(2, text); err != nil {
			t.Fatal(err)
		}
		again := Parse(gateway.Header{"Content-Type: multipart/mixed; boundary=out\r\n"}, string(m.Body()))
		if len(again.Entities) != len(m.Entities) || strings.ReplaceAll(again.Read(2), "\r\n", "\n") != text {
			t.Errorf("%q has become\n%s", text, outline(again))
		}
	}
	m := parse(t, nested)
	if fields, _ := m.Replace(2, "hello\n-- \nAnne\n"); fields.Encoding != "7bit" {
		t.Errorf("a signature is %s", fields.Encoding)
	}
}

func TestRefusedTexts(t *testing.T) {
	m := parse(t, nested)
	for text, want := range map[string]error{"a\xff": ErrNotText, "a\x00": ErrNotText, strings.Repeat("x", BodyMax): ErrTooLarge} {
		if _, err := m.Replace(2, text); !errors.Is(err, want) {
			t.Errorf("%.9q: %v, not %v", text, err, want)
		}
	}
	for range 6 { // what was replaced before does not count
		if _, err := m.Replace(2, strings.Repeat(strings.Repeat("x", 510)+"\r\n", BodyMax/512/4)); err != nil {
			t.Fatal(err)
		}
	}
}

// bombs are bodies that make quadratic readers stand still.
var bombs = map[string]func() (kind string, body string){
	"nested multiparts": func() (string, string) {
		return "multipart/mixed; boundary=b", strings.Repeat("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", 100_000)
	},
	"nested multiparts of different boundaries": func() (string, string) {
		var b strings.Builder
		for i := range 20_000 {
			n := strings.Repeat("x", i%200)
			b.WriteString("--b" + n + "\r\nContent-Type: multipart/mixed; boundary=b" + strings.Repeat("x", (i+1)%200) + "\r\n\r\n")
		}
		return "multipart/mixed; boundary=b", b.String()
	},
	"nested messages": func() (string, string) {
		return "message/rfc822", strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 300_000)
	},
	"empty parts":       func() (string, string) { return "multipart/mixed; boundary=b", strings.Repeat("--b\r\n", 400_000) },
	"near delimiters":   func() (string, string) { return "multipart/mixed; boundary=b", strings.Repeat("--a\r\n", 400_000) },
	"fields":            func() (string, string) { return "message/rfc822", strings.Repeat("A: b\r\n", 300_000) },
	"a folded field":    func() (string, string) { return "message/rfc822", "A: b\r\n" + strings.Repeat(" c\r\n", 400_000) },
	"a long field":      func() (string, string) { return "message/rfc822", "Content-Type: " + strings.Repeat("a", 1_000_000) },
	"parameters":        func() (string, string) { return "text/plain" + strings.Repeat(";a*1*=b", 20_000), "" },
	"quotes":            func() (string, string) { return "text/plain; name=" + strings.Repeat(`"=?a?q?`, 20_000), "" },
	"encoded words":     func() (string, string) { return "text/plain; name=\"" + strings.Repeat("=?x?q?=41?= ", 10_000), "" },
	"one line":          func() (string, string) { return "multipart/mixed; boundary=b", "--" + strings.Repeat("-", 1_000_000) },
	"base64 of nothing": func() (string, string) { return "text/plain", strings.Repeat("=\t ", 1_000_000) },
}

func TestBombs(t *testing.T) {
	for name, bomb := range bombs {
		start := time.Now()
		kind, text := bomb()
		for _, encoding := range []string{"base64", "quoted-printable"} {
			m := Parse(gateway.Header{gateway.Field("Content-Type: " + kind + "\r\n"), gateway.Field("Content-Transfer-Encoding: " + encoding + "\r\n")}, text)
			deepest := slices.MaxFunc(m.Entities, func(a, b Entity) int { return a.Depth - b.Depth }).Depth
			if len(m.Entities) > PartsMax || deepest > DepthMax {
				t.Errorf("%s: %d entities, %d deep", name, len(m.Entities), deepest)
			}
			m.Read(len(m.Entities) - 1)
			m.Read(0)
			if _, err := m.Replace(len(m.Entities)-1, "ü"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			m.Body()
		}
		t.Logf("%s: %d octets, %s", name, len(kind)+len(text), time.Since(start).Round(time.Millisecond))
	}
}

// FuzzParse holds what is promised of every body: entities lie in each other,
// texts are UTF-8, and a replaced part is read as it was written, in its place.
func FuzzParse(f *testing.F) {
	_, text := split(f, nested)
	f.Add("multipart/mixed; boundary=out", "7bit", text, "new text", 2)
	f.Add("message/rfc822", "", text, "--b\nä", 1)
	f.Add("text/plain; charset=iso-2022-jp; name*0*=a'b'%20", "base64", "G1k=\x00", "", 0)
	f.Fuzz(func(t *testing.T, kind, encoding, body, text string, which int) {
		header := gateway.Header{gateway.Field("Content-Type: " + kind + "\r\n"), gateway.Field("Content-Transfer-Encoding: " + encoding + "\r\n")}
		m := Parse(header, body)
		checkTree(t, m)
		i := min(max(which, 0), len(m.Entities)-1)
		before := len(m.Entities)
		if _, err := m.Replace(i, text); err != nil || i == 0 || m.Entities[i].container {
			m.Body()
			return
		}
		again := Parse(header, string(m.Body()))
		checkTree(t, again)
		if m.Entities[i].Type == "text/plain" && len(again.Entities) != before {
			t.Fatalf("%d entities have become %d", before, len(again.Entities))
		}
		if got := again.Read(i); got != m.Read(i) {
			t.Errorf("entity %d reads %q, not %q, in\n%q", i, got, m.Read(i), m.Body())
		}
	})
}

func checkTree(t *testing.T, m *Message) {
	t.Helper()
	if len(m.Entities) == 0 || len(m.Entities) > PartsMax {
		t.Fatalf("%d entities", len(m.Entities))
	}
	for i, e := range m.Entities {
		if e.start > e.headerEnd || e.headerEnd > e.body || e.body > e.end || e.Depth > DepthMax || !isMediaType(e.Type) {
			t.Fatalf("entity %d is %+v", i, e)
		}
		if i == 0 {
			continue
		}
		around := m.Entities[e.Parent]
		if e.Parent >= i || e.Depth != around.Depth+1 || e.start < around.body || e.end > around.end && e.body < e.end {
			t.Fatalf("entity %d is %+v in %+v", i, e, around)
		}
		if text := m.Read(i); e.IsText() && strings.ToValidUTF8(text, "") != text {
			t.Fatalf("entity %d is no UTF-8: %q", i, text)
		}
	}
}
