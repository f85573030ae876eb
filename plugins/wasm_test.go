package plugins_test

import (
	"fmt"
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
