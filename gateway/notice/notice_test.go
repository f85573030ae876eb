package notice

import (
	"flag"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

var update = flag.Bool("update", false, "rewrite testdata")

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func read(t *testing.T, c gateway.Content) string {
	t.Helper()
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func open(t *testing.T, dir string) *Texts {
	t.Helper()
	texts, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func listFields() List {
	return ListFields(&gateway.List{Address: "dev@lists.example.com", Description: "Über Entwicklung"})
}

// All built-in texts, as they go out.
func TestBuiltInTexts(t *testing.T) {
	var all strings.Builder
	for _, name := range Names() {
		fields := sample
		fields.List = listFields()
		content, err := open(t, "").Content(Notice{
			Name: name, From: "dev-request@lists.example.com", Display: "dev", To: "anne@example.com",
			InReplyTo: "<q@example.com>", Fields: fields,
		}, now, "<1@gw.example.com>")
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString("-- " + name + " --\n" + strings.ReplaceAll(read(t, content), "\r\n", "\n") + "\n")
	}
	const file = "testdata/built-in.txt"
	if *update {
		if err := os.WriteFile(file, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if all.String() != string(want) {
		t.Errorf("go test -update rewrites %s; it is\n%s", file, all.String())
	}
}

// Nothing in a message can add a field, a part or a line.
func TestTextsFromOutside(t *testing.T) {
	fields := sample
	fields.List = listFields()
	fields.Subject = "x\r\nBcc: all@example.com\r\n\r\n--=_1@gw.example.com\r\n{{.Token}}\x1b[2J"
	fields.Reason = strings.Repeat("long ", 1000)
	enclosed := "Subject: " + fields.Subject + "\r\n\r\n--=_1@gw.example.com\r\n\r\nhi\r\n--=_1@gw.example.com--\r\n"
	content, err := open(t, "").Content(Notice{
		Name: ApprovePost, From: "dev-confirm+t@lists.example.com", Display: "d\r\nBcc: x", To: "anne@example.com",
		InReplyTo: "<a>\r\nBcc: x", Fields: fields, Enclosed: gateway.Bytes(enclosed),
	}, now, "<1@gw.example.com>")
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, content)
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
			t.Errorf("a line of %d octets, or a stray CR or LF: %.80q", len(line), line)
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil || m.Header.Get("Bcc") != "" || m.Header.Get("In-Reply-To") != "" {
		t.Fatalf("%v, %v", m.Header, err)
	}
	_, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	first, err := parts.NextRawPart()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(quotedprintable.NewReader(first))
	if err != nil || !strings.Contains(string(plain), "{{.Token}}?[2J") {
		t.Errorf("the text: %s, %v", plain, err)
	}
	second, err := parts.NextRawPart()
	if err != nil || second.Header.Get("Content-Type") != "message/rfc822" {
		t.Fatalf("the enclosed message: %v, %v", second, err)
	}
	if along, err := io.ReadAll(second); err != nil || string(along) != enclosed {
		t.Errorf("the enclosed message has become %q, %v", along, err)
	}
	if _, err := parts.NextRawPart(); err != io.EOF {
		t.Errorf("a third part: %v", err)
	}
}

func TestEnclosedIsCut(t *testing.T) {
	large := gateway.Bytes("Subject: x\r\n\r\n" + strings.Repeat("0123456789\r\n", EnclosedMax/10))
	content, err := open(t, "").Content(Notice{Name: ApprovePost, From: "a@example.com", To: "b@example.com", Fields: sample, Enclosed: large}, now, "<1@x>")
	if err != nil || content.Size() > EnclosedMax+4000 || content.Size() < EnclosedMax {
		t.Errorf("%d octets, %v", content.Size(), err)
	}
}

func TestSiteTexts(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("README", "not a text")
	write("joined.txt", "Subject: Servus, {{.Address}}\r\n\r\nGrüß dich.\r\n")
	content, err := open(t, dir).Content(Notice{Name: Joined, From: "a@example.com", To: "b@example.com", Fields: sample}, now, "<1@x>")
	if err != nil {
		t.Fatal(err)
	}
	if text := read(t, content); !strings.Contains(text, "Subject: Servus, anne@example.com\r\n") || !strings.HasSuffix(text, "\r\nGr=C3=BC=C3=9F dich.\r\n") {
		t.Error(text)
	}
	for name, c := range map[string]struct{ text, want string }{
		"join.txt":         {"Subject: x\n\ny", "there is no such text"},
		"left.txt":         {"hello\n", "left.txt:1: the first line"},
		"post-held.txt":    {"Subject: x\nheld\n\nyes\n", "post-held.txt:1: the first line"},
		"bounce-probe.txt": {"Subject: x\n\nGr\xfc\xdfe\n", "not in UTF-8"},
		"help.txt":         {"Subject: x\n\n\n{{.Nobody}}\n", "help.txt:4"},
		"answer.txt":       {"Subject: x\n\n{{range $i := .Lines}}\n", "answer.txt:"},
		"joined.txt":       {"Subject: x\n\n{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}", "exceeded maximum template depth"},
		"confirm-join.txt": {"Subject: x\n\n" + strings.Repeat("y", TextMax), "at most"},
	} {
		dir = t.TempDir()
		write(name, c.text)
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestUTF8Addresses(t *testing.T) {
	content, err := open(t, "").Content(Notice{Name: Left, From: "übung@lists.example.com", Display: "ü", To: "jürgen@example.com", Fields: sample}, now, "<1@x>")
	if err != nil {
		t.Fatal(err)
	}
	if text := read(t, content); !strings.Contains(text, "From: =?utf-8?q?=C3=BC?= <übung@lists.example.com>\r\nTo: jürgen@example.com\r\n") {
		t.Error(text)
	}
}
