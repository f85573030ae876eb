package plugins_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/plugins"
	"github.com/mmgw/mmgw/plugins/internal/writertest"
)

// load loads a built-in plugin as the gateway does.
func load(t testing.TB, spec sandbox.Spec) *sandbox.Plugin {
	t.Helper()
	if spec.Wasm == nil {
		spec.Wasm, _ = plugins.Lookup(spec.Name)
	}
	host, err := sandbox.New(sandbox.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close(t.Context()) })
	p, err := host.Load(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// writers are the configuration writers, whose cases their native tests run
// as well.
var writers = []string{"exim4", "null", "opensmtpd", "postfix", "qmail", "sendmail"}

// TestWriters runs the cases of the writers against the modules, twice each:
// the same inventory gives the same files.
func TestWriters(t *testing.T) {
	for _, name := range writers {
		p := load(t, sandbox.Spec{Name: name})
		for _, c := range writertest.Load(t, filepath.Join(name, "testdata")) {
			for _, round := range []string{"first", "second"} {
				t.Run(name+"/"+c.Name+"/"+round, func(t *testing.T) {
					files, err := p.Render(t.Context(), c.Inventory)
					c.Check(t, files, err)
				})
			}
		}
	}
}

// post is a post to dev@lists.example.com as a handler finds it.
func post(t *testing.T, phase gateway.Phase, mail string) *gateway.Exchange {
	t.Helper()
	draft, err := gateway.OpenDraft(gateway.Bytes(strings.ReplaceAll(mail, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	x := &gateway.Exchange{
		Phase:   phase,
		Message: &gateway.Message{},
		Leg:     &gateway.Leg{Service: gateway.Post, List: "dev.lists.example.com", PostNumber: 10},
		List: &gateway.List{
			ID: "dev.lists.example.com", Address: "dev@lists.example.com",
			Description: "Developers, old and new", VERPInterval: 5,
		},
		Draft: draft,
	}
	if phase != gateway.PhaseOutgoing {
		x.Recipients = []gateway.Recipient{{Path: "dev@lists.example.com"}}
		x.Leg.Recipients = []gateway.RecipientID{0}
	}
	return x
}

// handle calls a plugin for x and returns the header that is left.
func handle(t *testing.T, p *sandbox.Plugin, x *gateway.Exchange) string {
	t.Helper()
	verdict, err := p.Handle(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Draft.Apply(verdict.Edits...); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, field := range x.Draft.Header {
		fmt.Fprintf(&b, "%s: %s\n", field.Name(), field.Value())
	}
	return b.String()
}

func TestListHeaders(t *testing.T) {
	p := load(t, sandbox.Spec{Name: "list-headers", Config: map[string]any{"sender": true}})
	const mail = "From: anne@example.com\nlist-id: <other.example.net>\nSubject: x\nList-Post: NO\n\ntext\n"
	const want = `From: anne@example.com
Subject: x
List-Id: "Developers, old and new" <dev.lists.example.com>
List-Post: <mailto:dev@lists.example.com>
List-Help: <mailto:dev-request@lists.example.com?subject=help>
List-Subscribe: <mailto:dev-join@lists.example.com>
List-Owner: <mailto:dev-owner@lists.example.com>
List-Unsubscribe: <mailto:dev-leave@lists.example.com>
Precedence: list
Sender: dev-bounces@lists.example.com
`
	if got := handle(t, p, post(t, gateway.PhaseOutgoing, mail)); got != want {
		t.Errorf("the header is\n%swant\n%s", got, want)
	}
}

func TestFromRewrite(t *testing.T) {
	p := load(t, sandbox.Spec{Name: "from-rewrite", Config: map[string]any{"own": []any{"own.example"}}})
	for _, c := range []struct{ policy, domain, from, want string }{
		{"reject", "example.com", "Anne <anne@example.com>", "Anne via dev <dev@lists.example.com>"},
		{"none", "example.com", "Anne <anne@example.com>", "Anne <anne@example.com>"},
		{"reject", "x.own.example", "Anne <anne@x.own.example>", "Anne <anne@x.own.example>"},
	} {
		x := post(t, gateway.PhaseOutgoing, "From: "+c.from+"\n\n")
		x.Auth = func() gateway.AuthResults {
			return gateway.AuthResults{DMARC: gateway.DMARCResult{Policy: c.policy, Domain: c.domain}}
		}
		if got := handle(t, p, x); !strings.HasPrefix(got, "From: "+c.want+"\n") {
			t.Errorf("%s with p=%s becomes\n%s", c.from, c.policy, got)
		}
	}
}

func TestSubjectPrefix(t *testing.T) {
	p := load(t, sandbox.Spec{Name: "subject-prefix"})
	for subject, want := range map[string]string{
		"hello":                        "[dev] hello",
		"Re: [dev] hello":              "Re: [dev] hello",
		"=?utf-8?B?UmU6IFtkZXZdIHg=?=": "=?utf-8?B?UmU6IFtkZXZdIHg=?=",
		"":                             "[dev] (no subject)",
	} {
		x := post(t, gateway.PhaseIncoming, "Subject: "+subject+"\n\n")
		for _, phase := range []gateway.Phase{gateway.PhaseIncoming, gateway.PhaseOutgoing} {
			x.Phase = phase
			if got := handle(t, p, x); got != "Subject: "+want+"\n" {
				t.Errorf("%q becomes %q, want %q", subject, got, want)
			}
		}
	}
}

// inLatin1 is a post with a text in two forms, in octets that are neither ASCII
// nor UTF-8.
const inLatin1 = `Subject: x
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1; format=flowed
Content-Transfer-Encoding: 8bit

Gr\xfc\xdfe, %s
--b
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<html><body>Gr=FC=DFe</body></html>
--b--
`

// TestFooter holds what becomes of whole posts: charset and encoding are right,
// and another time changes nothing.
func TestFooter(t *testing.T) {
	p := load(t, sandbox.Spec{Name: "footer", Config: map[string]any{"footer": "-----\nThe list <dev>\n"}})
	latin1 := strings.ReplaceAll(strings.ReplaceAll(inLatin1, `\xfc`, "\xfc"), `\xdf`, "\xdf")
	long := strings.Repeat(strings.Repeat("x", 62)+"\n", 1<<14) // with CRLF as long as a text may be
	for _, c := range []struct{ name, mail, want string }{
		{"no MIME", "Subject: x\n\nhello\n", "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: 7bit\n\nhello\n\n-----\nThe list <dev>\n"},
		{"base64", "Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\nMIME-Version: 1.0\n\n8PLp9+X0\n",
			"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\nMIME-Version: 1.0\n\n" + "0J/QoNCY0JLQldCiDQoNCi0tLS0tDQpUaGUgbGlzdCA8ZGV2Pg0K"},
		{"two forms", fmt.Sprintf(latin1, "dev"), `Subject: x
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; format=flowed; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe, dev

-----
The list <dev>

--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<html><body>Gr=C3=BC=C3=9Fe<p>-----<br>The list &lt;dev&gt;</p>
</body></html>
--b--
`},
		{"signed", "Content-Type: multipart/signed; boundary=b\n\n--b\n\nhello\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n", ""},
		{"too large to be taken apart", "\n" + strings.Repeat("x", 33<<20), ""},
		{"long", "Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\nMIME-Version: 1.0\n\n" + long,
			"Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\nMIME-Version: 1.0\n\n" + long + "\n-----\nThe list <dev>\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := post(t, gateway.PhaseOutgoing, c.mail)
			want := c.want
			if want == "" {
				want = c.mail
			}
			for range 2 {
				handle(t, p, x)
				if got := mail(t, x); got != want {
					t.Fatalf("the post is\n%.2000s\nnot\n%.2000s", got, want)
				}
			}
		})
	}
}

// TestFooterCharsets holds that what the plugin takes for readable is read right.
func TestFooterCharsets(t *testing.T) {
	p := load(t, sandbox.Spec{Name: "footer", Config: map[string]any{"footer": "F"}})
	for _, c := range []struct{ charset, octets, want string }{
		{"utf-8", "\xc3\xbc", "ü"},
		{"UTF8", "\xc3\xbc", "ü"},
		{"iso-8859-2", "\xb1", "ą"},
		{"iso-8859-15", "\xa4", "€"},
		{"windows-1251", "\xc6", "Ж"},
		{"koi8-r", "\xf0", "П"},
		{"koi8-u", "\xa4", "є"},
		{"iso-2022-jp", "\x1b$B$3\x1b(B", "こ"},
		{"euc-jp", "\xa4\xb3", "こ"},
		{"shift_jis", "\x82\xb1", "こ"},
		{"gb2312", "\xc4\xe3", "你"},
		{"gbk", "\xc4\xe3", "你"},
		{"gb18030", "\xc4\xe3", "你"},
		{"big5", "\xa7A", "你"},
		{"euc-kr", "\xb0\xa1", "가"},
		{"ks_c_5601-1987", "\xb0\xa1", "가"},
		{"us-ascii", "\xfc", ""},
		{"iso-2022-kr", "\x1b$)C\x0e0!\x0f", ""},
	} {
		header := "Content-Type: text/plain; charset=" + c.charset + "\n\n"
		x := post(t, gateway.PhaseOutgoing, header+c.octets)
		handle(t, p, x)
		want := header + c.octets
		if c.want != "" {
			want = "Content-Type: text/plain; charset=utf-8\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n" +
				base64.StdEncoding.EncodeToString([]byte(c.want+"\r\n\r\nF\r\n"))
		}
		if got := mail(t, x); got != want {
			t.Errorf("%s: %q\nnot %q", c.charset, got, want)
		}
	}
}

// mail is what goes out, with LF.
func mail(t *testing.T, x *gateway.Exchange) string {
	t.Helper()
	content := x.Draft.Content()
	r, err := content.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(io.NewSectionReader(r, 0, content.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}

func TestDeliver(t *testing.T) {
	p := load(t, sandbox.Spec{Name: "deliver", Config: map[string]any{"max_recipients": int64(50)}})
	for _, test := range []struct {
		service gateway.Service
		number  uint64
		verp    bool
	}{{gateway.Post, 10, true}, {gateway.Post, 11, false}, {gateway.Owner, 0, false}} {
		x := post(t, gateway.PhasePlan, "Subject: x\n\n")
		x.Leg.Service, x.Leg.PostNumber = test.service, test.number
		plan, err := p.Plan(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if plan.VERP != test.verp || plan.RecipientsMax != 50 || plan.ByDomain {
			t.Errorf("%s %d: %+v", test.service, test.number, plan)
		}
	}
	x := post(t, gateway.PhasePlan, "Subject: x\n\n")
	x.List.Config = map[string]any{"max_recipients": int64(7), "by_domain": true}
	if plan, err := p.Plan(t.Context(), x); err != nil || plan.RecipientsMax != 7 || !plan.ByDomain {
		t.Errorf("a list with rules of its own: %+v, %v", plan, err)
	}
}

// lists is an inventory of n lists.
func lists(n int) gateway.Inventory {
	var b writertest.Builder
	b.Gateway("lmtp_target", "127.0.0.1:8024")
	b.Gateway("mta_dir", "/var/lib/mmgw/mta")
	for i := range n {
		b.List(fmt.Sprintf("list%06d@lists.example.com", i), "")
	}
	return b.Inventory()
}

// BenchmarkPostfix renders the tables of 10,000 lists.
func BenchmarkPostfix(b *testing.B) {
	p := load(b, sandbox.Spec{Name: "postfix"})
	inventory := lists(10_000)
	for b.Loop() {
		if _, err := p.Render(b.Context(), inventory); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTag is one call of the smallest handler there is.
func BenchmarkTag(b *testing.B) {
	p := load(b, sandbox.Spec{Name: "subject-prefix"})
	draft, err := gateway.OpenDraft(gateway.Bytes("Subject: hello\r\n\r\n"))
	if err != nil {
		b.Fatal(err)
	}
	x := &gateway.Exchange{
		Phase: gateway.PhaseIncoming, Message: &gateway.Message{}, Leg: &gateway.Leg{Service: gateway.Post},
		List: &gateway.List{Address: "dev@lists.example.com"}, Draft: draft,
		Recipients: []gateway.Recipient{{Path: "dev@lists.example.com"}},
	}
	for b.Loop() {
		if _, err := p.Handle(b.Context(), x); err != nil {
			b.Fatal(err)
		}
	}
}
