package gateway_test

import (
	"errors"
	"io"
	"net/mail"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func readAll(t *testing.T, c gateway.Content) string {
	t.Helper()
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != c.Size() {
		t.Errorf("Size is %d, Read gave %d", c.Size(), len(b))
	}
	return string(b)
}

const post = `Received: from a
	by b
From: Anne <anne@example.com>
Subject: hello
To: dev@lists.example.com

Hi,
: not a field
`

func TestDraftEdits(t *testing.T) {
	for _, c := range []struct {
		name  string
		edits []gateway.Edit
		want  string
	}{
		{"none", nil, post},
		{"insert on top", []gateway.Edit{{Op: gateway.InsertField, Name: "X-A", Value: "1"}}, "X-A: 1\n" + post},
		{"append", []gateway.Edit{{Op: gateway.InsertField, Index: 4, Name: "X-Z", Value: "9"}},
			strings.Replace(post, "\n\n", "\nX-Z: 9\n\n", 1)},
		{"replace", []gateway.Edit{{Op: gateway.ReplaceField, Index: 2, Value: "[dev] hello"}},
			strings.Replace(post, "hello", "[dev] hello", 1)},
		{"delete a folded one", []gateway.Edit{{Op: gateway.DeleteField}}, strings.SplitN(post, "by b\n", 2)[1]},
		{"delete, then insert", []gateway.Edit{{Op: gateway.DeleteField, Index: 3}, {Op: gateway.InsertField, Index: 3, Name: "To", Value: "x@y.org"}},
			strings.Replace(post, "dev@lists.example.com", "x@y.org", 1)},
		{"body", []gateway.Edit{{Op: gateway.ReplaceBody, Body: []byte("gone\r\n")}},
			strings.SplitN(post, "\n\n", 2)[0] + "\n\ngone\n"},
	} {
		draft, err := gateway.OpenDraft(gateway.Bytes(crlf(post)), c.edits...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := readAll(t, draft.Content()); got != crlf(c.want) {
			t.Errorf("%s: got\n%s", c.name, got)
		}
	}
}

func TestDraftRefusesEdits(t *testing.T) {
	for _, e := range []gateway.Edit{
		{Op: gateway.InsertField, Index: 5, Name: "X", Value: "y"},
		{Op: gateway.InsertField, Index: -1, Name: "X", Value: "y"},
		{Op: gateway.InsertField, Name: "X", Value: "y\r\nBcc: all@example.com"},
		{Op: gateway.InsertField, Name: "X: y", Value: "z"},
		{Op: gateway.InsertField, Value: "z"},
		{Op: gateway.ReplaceField, Index: 4, Value: "z"},
		{Op: gateway.DeleteField, Index: 4},
	} {
		if _, err := gateway.OpenDraft(gateway.Bytes(crlf(post)), e); err == nil {
			t.Errorf("%+v is taken", e)
		}
	}
}

func TestDraftShapes(t *testing.T) {
	for _, c := range []struct {
		name, content string
		fields        int
		body          string
	}{
		{"empty", "", 0, ""},
		{"body alone", "\nhello\n", 0, "hello\n"},
		{"header alone", "Subject: x\n", 1, ""},
		{"no empty line", "Subject: x\nnot a field\n", 1, "not a field\n"},
		{"no header at all", "not a field\n\nX: y\n", 0, "not a field\n\nX: y\n"},
		{"mbox line", "From anne Mon Jan  1\nSubject: x\n\nhi\n", 2, "hi\n"},
		{"continuation first", " x\nSubject: y\n", 0, " x\nSubject: y\n"},
		{"long header", strings.Repeat("X-Long: "+strings.Repeat("y", 60)+"\n", 900) + "\nhi\n", 900, "hi\n"},
	} {
		draft, err := gateway.OpenDraft(gateway.Bytes(crlf(c.content)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(draft.Header) != c.fields {
			t.Errorf("%s: %d fields, want %d", c.name, len(draft.Header), c.fields)
		}
		if got := readAll(t, draft.Body()); got != crlf(c.body) {
			t.Errorf("%s: body %q, want %q", c.name, got, crlf(c.body))
		}
	}
}

func TestHeaderLimits(t *testing.T) {
	for name, content := range map[string]string{
		"fields": strings.Repeat("A: b\r\n", gateway.HeaderFieldsMax+1),
		"folds":  "A: b\r\n" + strings.Repeat(" c\r\n", gateway.FieldLinesMax),
		"octets": strings.Repeat("A: "+strings.Repeat("b", 900)+"\r\n", 300),
	} {
		if _, err := gateway.OpenDraft(gateway.Bytes(content)); !errors.Is(err, gateway.ErrHeaderTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := gateway.OpenDraft(gateway.Bytes(content[:len(content)/2])); err != nil {
			t.Errorf("half the %s: %v", name, err)
		}
	}
}

func TestFields(t *testing.T) {
	f := gateway.Field("Subject : one\r\n two\r\n")
	if f.Name() != "Subject" || f.Value() != "one two" || !f.Is("subject") || f.Is("Subjec") {
		t.Errorf("%q: %q = %q", f, f.Name(), f.Value())
	}
}

// Is does what comparing the Name would do, for names in ASCII.
func FuzzIs(f *testing.F) {
	for _, field := range []string{"Subject: a\r\n", "subject \t: a", "Subject", "Subject ", "Sub ject: a", "From a b: c", ": a", "@: a", "K: a"} {
		f.Add(field, "Subject")
		f.Add(field, "From")
		f.Add(field, "`")
		f.Add(field, "\u212a")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		field := gateway.Field(text)
		for _, name := range []string{name, field.Name(), strings.ToUpper(field.Name())} {
			if want := name != "" && len(name) == len(field.Name()) && strings.EqualFold(field.Name(), name); field.Is(name) != want {
				t.Errorf("%q.Is(%q) = %v", text, name, !want)
			}
		}
	})
}

// Folding never changes the value, and keeps lines within 998 octets.
func FuzzNewField(f *testing.F) {
	f.Add("Subject", "hello")
	f.Add("X", strings.Repeat("word ", 100))
	f.Add("X", strings.Repeat("w", 3000))
	f.Add("X", "a"+strings.Repeat(" ", 300)+"b")
	f.Fuzz(func(t *testing.T, name, value string) {
		field, err := gateway.NewField(name, value)
		if err != nil {
			return
		}
		lines := strings.Split(strings.TrimSuffix(string(field), "\r\n"), "\r\n")
		for i, line := range lines {
			if len(line) > max(998, len(name)+3) || i > 0 && strings.Trim(line, " \t") == "" || i > 0 && line[0] != ' ' && line[0] != '\t' {
				t.Errorf("%q: bad line %q", field, line)
			}
		}
		if len(value) < 900 && field.Value() != strings.Trim(value, " \t") {
			t.Errorf("%q came back as %q", value, field.Value())
		}
	})
}

// Whatever the content, the draft without edits is the content, save for an
// empty line after a header that has none.
func FuzzOpenDraft(f *testing.F) {
	f.Add(crlf(post))
	f.Add("From x\r\n\r\n")
	f.Fuzz(func(t *testing.T, content string) {
		draft, err := gateway.OpenDraft(gateway.Bytes(content))
		if err != nil {
			return
		}
		got := readAll(t, draft.Content())
		if got != content && strings.Replace(got, "\r\n", "", 1) != strings.Replace(content, "\r\n", "", 1) && len(got) != len(content)+2 {
			t.Errorf("%q became %q", content, got)
		}
	})
}

func TestFillIsClosed(t *testing.T) {
	c := gateway.Copy{Member: gateway.Recipient{Path: "anne@example.com", Name: "Anne {verp}"}, VERP: "v@x.org"}
	got := c.Fill("{member} {member.local} {member.domain} {member.name} {verp} {unsubscribe_url} {other} {")
	want := "anne@example.com anne example.com Anne {verp} v@x.org  {other} {"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A member's name is one name in a field of addresses, and reads as it was given.
func TestFillSpellsNames(t *testing.T) {
	for name, plain := range map[string]bool{
		"": true, "Anne": true, "Anne-Marie O'Neil": true,
		"Jürgen": false, "Neil, Anne": false, "a <b@x.org>, c": false, "A. B.": false, `"x" (y)`: false, "=?utf-8?q?x?=": false,
		strings.Repeat("ü😀", 40): false, "Anne\r\nBcc: x@x.org\x00": false, "a\xff,": false,
	} {
		c := gateway.Copy{Member: gateway.Recipient{Path: "anne@example.com", Name: name}}
		got := c.Fill("{member.name} <{member}>")
		if plain && got != name+" <anne@example.com>" {
			t.Errorf("%q became %q", name, got)
		}
		field, err := gateway.NewField("To", got)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		want := strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(strings.ToValidUTF8(name, "?"))
		if all, err := mail.ParseAddressList(field.Value()); err != nil || len(all) != 1 || all[0].Name != want || all[0].Address != "anne@example.com" {
			t.Errorf("%q became %q, which reads as %v, %v", name, field, all, err)
		}
	}
}

// What Value gives can be set again.
func TestValueHasNoControlsOfLines(t *testing.T) {
	value := gateway.Field("Subject: a\x00b\r\n c\rd\r\n").Value()
	if _, err := gateway.NewField("Subject", value); err != nil || value != "ab cd" {
		t.Errorf("%q: %v", value, err)
	}
}

// shorter is a content that lacks some octets of its size.
type shorter struct{ gateway.Bytes }

func (shorter) Size() int64 { return 100 }

// TestOpenDraftOfLess: what is missing of a header is nobody else's.
func TestOpenDraftOfLess(t *testing.T) {
	if _, err := gateway.OpenDraft(gateway.Bytes("Subject: a secret\r\n" + strings.Repeat("X: y\r\n", 20) + "\r\n")); err != nil {
		t.Fatal(err)
	}
	draft, err := gateway.OpenDraft(shorter{gateway.Bytes("From: a@b\r\n")})
	if !errors.Is(err, io.EOF) {
		t.Errorf("%v, %v", draft, err)
	}
}
