package gateway_test

import (
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

func TestParseForwardPath(t *testing.T) {
	long := strings.Repeat("l", 64)
	for _, c := range []struct{ in, want string }{
		{"anne@example.com", "anne@example.com"},
		{"Anne.Person@EXAMPLE.com", "Anne.Person@example.com"},
		{"list-bounces+anne=x.org@example.com", "list-bounces+anne=x.org@example.com"},
		{`"mylist"@example.com`, "mylist@example.com"},
		{`"a b"@example.com`, `"a b"@example.com`},
		{`"a\@\b"@example.com`, `"a@b"@example.com`},
		{`"a\"\\"@example.com`, `"a\"\\"@example.com`},
		{`""@example.com`, `""@example.com`},
		{"jürgen@bücher.example", "jürgen@bücher.example"},
		{"a@[192.0.2.1]", "a@[192.0.2.1]"},
		{"a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]"},
		{long + "@example.com", long + "@example.com"},

		{"", ""},
		{"anne", ""},
		{"@example.com", ""},
		{"anne@", ""},
		{".anne@example.com", ""},
		{"an..ne@example.com", ""},
		{"a b@example.com", ""},
		{"a@b@example.com", ""},
		{"@relay.example,@b.example:a@example.com", ""},
		{"anne@example.com>", ""},
		{"a> SIZE=1 <b@example.com", ""},
		{"anne@exa mple.com", ""},
		{"anne@-example.com", ""},
		{"anne@example..com", ""},
		{"anne@[300.1.1.1]", ""},
		{"anne@[2001:db8::1]", ""},
		{"anne@[192.0.2.1", ""},
		{"an\rne@example.com", ""},
		{"an\x00ne@example.com", ""},
		{"\"an\nne\"@example.com", ""},
		{"\"an\u009b2Jne\"@example.com", ""}, // a terminal takes it for ESC [
		{"\"an\u202ene\"@example.com", ""},   // what follows shows from right to left
		{`"jü rgen"@example.com`, `"jü rgen"@example.com`},
		{`"anne@example.com`, ""},
		{`"an"ne@example.com`, ""},
		{"an\xffne@example.com", ""},
		{"l" + long + "@example.com", ""},
		{"a@" + strings.Repeat(long[:62]+".", 4) + "com", ""},
	} {
		got, err := gateway.ParseForwardPath(c.in)
		if string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: got %q, %v; want %q", c.in, got, err, c.want)
		}
	}
}

func TestNullReversePath(t *testing.T) {
	p, err := gateway.ParseReversePath("")
	if err != nil || !p.IsNull() || p.String() != "<>" {
		t.Errorf("got %q, %v", p, err)
	}
}

func TestPathParts(t *testing.T) {
	p := gateway.ForwardPath(`"a@b"@example.com`)
	if p.Local() != `"a@b"` || p.Domain() != "example.com" || p.String() != `<"a@b"@example.com>` {
		t.Errorf("%q: %q at %q", p, p.Local(), p.Domain())
	}
}

// A parsed path is in normal form: it parses to itself, and has nothing that
// could end an SMTP command or add a parameter to one.
func FuzzParseForwardPath(f *testing.F) {
	for _, seed := range []string{"anne@example.com", `"a\ b"@x.org`, "a@[IPv6:::1]", "ü@ü.example", "a@b@c", "\"\r\n\"@x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := gateway.ParseForwardPath(s)
		if err != nil {
			return
		}
		again, err := gateway.ParseForwardPath(string(p))
		if err != nil || again != p {
			t.Errorf("%q -> %q -> %q, %v", s, p, again, err)
		}
		if strings.ContainsAny(string(p), "\r\n\x00") || len(p) > gateway.PathBytesMax {
			t.Errorf("%q -> %q", s, p)
		}
		if !strings.HasPrefix(string(p), `"`) && strings.ContainsAny(string(p), "<> ") {
			t.Errorf("%q -> %q", s, p)
		}
	})
}
