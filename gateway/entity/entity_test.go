package entity

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// parse takes a mail with LF apart.
func parse(t testing.TB, mail string) *Message {
	t.Helper()
	header, body := split(t, mail)
	return Parse(header, body)
}

func split(t testing.TB, mail string) (gateway.Header, string) {
	t.Helper()
	draft, err := gateway.OpenDraft(gateway.Bytes(strings.ReplaceAll(mail, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	body := draft.Body()
	r, err := body.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := make([]byte, body.Size())
	if n, _ := r.ReadAt(b, 0); n != len(b) {
		t.Fatal("short read")
	}
	return draft.Header, string(b)
}

// outline is the tree of a message, a line for each entity.
func outline(m *Message) string {
	var b strings.Builder
	for i, e := range m.Entities {
		fmt.Fprintf(&b, "%s%s", strings.Repeat(" ", e.Depth), e.Type)
		for _, s := range []string{e.Charset, e.Disposition, e.Filename} {
			if s != "" {
				fmt.Fprintf(&b, " %s", s)
			}
		}
		fmt.Fprintf(&b, " %q\n", m.Read(i))
	}
	return strings.ReplaceAll(b.String(), `\r\n`, `\n`)
}

const nested = `Content-Type: multipart/mixed; boundary="out"

preamble
--out
Content-Type: multipart/alternative;
 boundary=in

--in
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

gr=C3=BC=
=C3=9Fe
--in
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: base64

PHA+Z3L832U8L3A+
--in--
between
--out
Content-Type: message/rfc822

Subject: inner

inner text
--out
Content-Type: application/x-exe; name="=?utf-8?q?b=C3=B6se.exe?="
Content-Disposition: ATTACHMENT; filename*=utf-8''b%C3%B6se%20(2).exe
Content-Transfer-Encoding: base64

AAECAw==
--out--
epilogue
`

func TestTrees(t *testing.T) {
	for name, test := range map[string]struct{ mail, want string }{
		"no MIME":   {"Subject: x\n\ntext\n", "text/plain \"text\\n\"\n"},
		"no body":   {"Subject: x\n", "text/plain \"\"\n"},
		"no header": {"\ntext", "text/plain \"text\"\n"},
		"nested": {nested, `multipart/mixed ""
 multipart/alternative ""
  text/plain utf-8 "grüße"
  text/html iso-8859-1 "<p>grüße</p>"
 message/rfc822 "Subject: inner\n\ninner text"
  text/plain "inner text"
 application/x-exe attachment böse (2).exe "\x00\x01\x02\x03"
`},
		"no last delimiter": {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n", "multipart/mixed \"\"\n text/plain \"one\"\n text/plain \"two\\n\"\n"},
		"no boundary":       {"Content-Type: multipart/mixed\n\n--b\n\none\n", "multipart/mixed \"--b\\n\\none\\n\"\n"},
		"an outer delimiter closes": {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--b\n\ntwo\n--c\n--b--\n",
			"multipart/mixed \"\"\n multipart/mixed \"\"\n  text/plain \"one\"\n text/plain \"two\\n--c\"\n"},
		"the same boundary inside": {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
			"multipart/mixed \"\"\n multipart/mixed \"\"\n  text/plain \"one\"\n text/plain \"two\"\n"},
		"a boundary that ends in hyphens": {"Content-Type: multipart/mixed; boundary=b--\n\n--b--\n\none\n--b----\n\ntwo\n", "multipart/mixed \"\"\n text/plain \"one\"\n"},
		"a header without an end":         {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/css\n--b\nno field\n--b--\n", "multipart/mixed \"\"\n text/css \"\"\n text/plain \"no field\"\n"},
		"a digest":                        {"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ntext\n--b--\n", "multipart/digest \"\"\n message/rfc822 \"Subject: x\\n\\ntext\"\n  text/plain \"text\"\n"},
		"an encoded message":              {"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA==\n", "message/rfc822 \"Subject: x\"\n"},
		"no type":                         {"Content-Type: nonsense; charset=utf-8\n\nx", "text/plain utf-8 \"x\"\n"},
		"the first of two types":          {"Content-Type: text/css\nContent-Type: text/html\n\nx", "text/css \"x\"\n"},
		"a comment":                       {"Content-Type: Text/HTML (really); charset=UTF-8 ; x\n\nx", "text/html utf-8 \"x\"\n"},
	} {
		if got := outline(parse(t, test.mail)); got != test.want {
			t.Errorf("%s:\n%s\nnot\n%s", name, got, test.want)
		}
	}
}

// What lies in parts of its own is paid for once, however deep they are.
func TestEncodedIsWhatIsLookedAt(t *testing.T) {
	m := parse(t, nested)
	for i, want := range []int{0, 0, len("gr=C3=BC=\r\n=C3=9Fe"), len("PHA+Z3L832U8L3A+"), 0, len("inner text"), len("AAECAw==")} {
		if got := m.Encoded(i); got != want {
			t.Errorf("%d octets of entity %d are looked at, not %d", got, i, want)
		}
	}
	if _, err := m.Replace(6, "a note"); err != nil || m.Encoded(6) != 0 {
		t.Errorf("%d octets of a replaced entity are looked at, %v", m.Encoded(6), err)
	}
}

func TestFilenames(t *testing.T) {
	for value, want := range map[string]string{
		`attachment; filename=a.txt`:                                           "a.txt",
		`attachment; filename="a;b \"c\".txt"`:                                 `a;b "c".txt`,
		`attachment; filename="no end`:                                         "no end",
		`attachment; filename*0="one "; filename*1="two"`:                      "one two",
		`attachment; filename*1*=%20two; filename*0*=iso-8859-1'de'gr%FC%DFe`:  "grüße two",
		`attachment; filename="plain"; filename*=UTF-8''%e2%82%ac`:             "€",
		`attachment; filename="=?iso-8859-1?q?gr=FC=DFe?="`:                    "grüße",
		`attachment; filename="=?no-such?q?gr=FC=DFe?="`:                       "grüße",
		`attachment; filename*=UTF-8''a%zz%4`:                                  "a%zz%4",
		"attachment; filename=\"a\tb\x01\"":                                    "a?b?",
		`attachment; filename*7=lost; filename=kept`:                           "kept",
		`attachment; x=1; ;; =2; filename="../../etc/passwd"`:                  "../../etc/passwd",
		`attachment` + strings.Repeat("; x=y", parametersMax) + `; filename=z`: "",
		`attachment; filename=` + strings.Repeat("ü", 2000):                    strings.Repeat("ü", filenameMax/2),
		`attachment; filename=` + strings.Repeat("x", 2000) + `.exe`:           strings.Repeat("x", filenameMax-4) + ".exe",
	} {
		m := parse(t, "Content-Disposition: "+value+"\n\n")
		if got := m.Entities[0].Filename; got != want {
			t.Errorf("%.80q is named %.80q, not %.80q", value, got, want)
		}
	}
}

func TestTransferEncodings(t *testing.T) {
	for encoded, want := range map[string]string{
		"aGVsbG8=": "hello", "aGVs\r\nbG8=": "hello", "aGVsbG8": "hello", "aGVs!!bG8=": "hello",
		"aGk=aGk=": "hihi", "aGVsbG8=====": "hello", "a": "", "====": "",
	} {
		if got := fromBase64(encoded); got != want {
			t.Errorf("base64 %q: %q, not %q", encoded, got, want)
		}
	}
	for encoded, want := range map[string]string{
		"a=C3=bc": "aü", "a=\r\nb": "ab", "a= \t\r\nb": "ab", "a=\nb": "ab", "a  \r\nb ": "a\r\nb",
		"a=zz=": "a=zz=", "a b\tc": "a b\tc", "=3D=": "==", "=": "=",
	} {
		if got := fromQuotedPrintable(encoded); got != want {
			t.Errorf("quoted-printable %q: %q, not %q", encoded, got, want)
		}
	}
}
