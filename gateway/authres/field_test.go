package authres

import (
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		name    string
		results gateway.AuthResults
		from    gateway.ReversePath
		want    string
	}{
		{"nothing", gateway.AuthResults{}, "", "mx.example.com; dkim=none"},
		{
			"all",
			gateway.AuthResults{
				SPF: Pass, ARC: None,
				DKIM:  []gateway.DKIMResult{{Result: Pass, Domain: "example.com", Selector: "s1"}, {Result: Fail, Domain: "example.net", Selector: "x", Reason: "body hash"}},
				DMARC: gateway.DMARCResult{Result: Pass, Policy: "reject", Domain: "example.com"},
			},
			"anne@example.com",
			`mx.example.com; spf=pass smtp.mailfrom=example.com; dkim=pass header.d=example.com header.s=s1; ` +
				`dkim=fail reason="body hash" header.d=example.net header.s=x; dmarc=pass (p=reject) header.from=example.com; arc=none`,
		},
		{
			"a domain in UTF-8",
			gateway.AuthResults{SPF: Fail, DMARC: gateway.DMARCResult{Result: Fail, Domain: "bücher.example"}},
			"anne@bücher.example",
			`mx.example.com; spf=fail smtp.mailfrom=xn--bcher-kva.example; dkim=none; dmarc=fail header.from=xn--bcher-kva.example`,
		},
		{
			"hostile",
			gateway.AuthResults{
				DKIM:  []gateway.DKIMResult{{Result: "pass; spf=pass", Domain: "x\r\nBcc: y", Selector: `a" \`, Reason: "ends \\\"\x00\xff;"}},
				DMARC: gateway.DMARCResult{Result: "", Policy: ") x"},
			},
			"",
			`mx.example.com; dkim=permerror reason="ends \\\"??;" header.d="x??Bcc: y" header.s="a\" \\"`,
		},
	} {
		if got := Format("mx.example.com", c.results, c.from); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
	field := formatted(t, "mx.example.com", gateway.AuthResults{DKIM: []gateway.DKIMResult{{Result: Pass, Domain: strings.Repeat("abcdefg.", 31) + "com", Selector: "s1"}}}, "")
	checkField(t, field)
	if !strings.HasPrefix(string(field), "Authentication-Results: mx.example.com; dkim=pass\r\n header.d=abc") {
		t.Errorf("%q", field)
	}
}

// formatted is Format's value as a field of a message.
func formatted(t *testing.T, authservID string, results gateway.AuthResults, from gateway.ReversePath) gateway.Field {
	t.Helper()
	field, err := gateway.NewField(FieldName, Format(authservID, results, from))
	if err != nil {
		t.Fatal(err)
	}
	return field
}

// checkField holds that a field is one field, folded, of printable ASCII.
func checkField(t *testing.T, field gateway.Field) {
	t.Helper()
	if field == "" || !strings.HasSuffix(string(field), "\r\n") {
		t.Fatalf("%q is no field", field)
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(field), "\r\n"), "\r\n") {
		if i > 0 && line[0] != ' ' || len(line) > 998 || strings.TrimSpace(line) == "" {
			t.Fatalf("line %d of %q", i, field)
		}
		for _, c := range []byte(line) {
			if c < ' ' || c > '~' {
				t.Fatalf("%#x in %q", c, field)
			}
		}
	}
}

// FuzzFormat holds that no text in a result adds a result, a line or a field.
func FuzzFormat(f *testing.F) {
	f.Add("pass", "example.com", "s1", "why")
	f.Add("pass;x", "a\r\nb: c", `"`, `\`)
	f.Add("", "(;", "\x00", ";;\"\\\";")
	f.Add("fail", strings.Repeat("\"", 2000), strings.Repeat("x", 996)+"\\\"; dkim=pass", strings.Repeat("  ", 500))
	f.Fuzz(func(t *testing.T, result, domain, selector, reason string) {
		results := gateway.AuthResults{
			SPF:   result,
			DKIM:  []gateway.DKIMResult{{Result: result, Domain: domain, Selector: selector, Reason: reason}},
			DMARC: gateway.DMARCResult{Result: result, Policy: reason, Domain: domain},
			ARC:   result,
		}
		id := "mx.example.com"
		field := formatted(t, id, results, gateway.ReversePath("x@"+selector))
		checkField(t, field)
		if !IsForged(field, id) {
			t.Fatalf("we do not know %q as ours", field)
		}
		want := 5
		if result == "" {
			want = 2
		}
		if got := countInfos(t, field.Value()); got != want {
			t.Fatalf("%d parts instead of %d in %q", got, want, field)
		}
	})
}

// countInfos counts the parts between semicolons outside of quotes and
// comments.
func countInfos(t *testing.T, s string) int {
	t.Helper()
	for n := 1; ; n++ {
		for s != "" && s[0] != ';' {
			ok := true
			switch s[0] {
			case '(':
				s, ok = skipComment(s)
			case '"':
				_, s, ok = cutQuoted(s)
			default:
				s = s[1:]
			}
			if !ok {
				t.Fatalf("no end in %q", s)
			}
		}
		if s == "" {
			return n
		}
		s = s[1:]
	}
}

func TestIsForged(t *testing.T) {
	const ours = "mx.example.com"
	for value, want := range map[string]bool{
		"mx.example.com; dkim=pass":                         true,
		"MX.Example.COM; dkim=pass":                         true,
		"mx.example.com 1; dkim=pass":                       true,
		"mx.example.com/1; dkim=pass":                       true,
		"mx.example.com; none":                              true,
		"mx.example.com":                                    true,
		"mx.example.com.; dkim=pass":                        true,
		"\r\n\tmx.example.com\r\n ; dkim=pass":              true,
		"(a (nested \\) one) comment) mx.example.com; x":    true,
		"mx.example.com (comment); x":                       true,
		"(;) mx.example.com; x":                             true,
		`"mx.example.com"; x`:                               true,
		`"mx\.example.com" 1; x`:                            true,
		`"mx."(c)"example.com"; x`:                          true,
		"mx.(c)example.com; x":                              true,
		"mx.exam\r\n ple.com; x":                            true,
		"other.example, mx.example.com; x":                  true,
		`"mx.example.com; x`:                                true, // no end: readers differ
		"(mx.example.com; x":                                true,
		"\x00mx.example.com; x":                             true,
		"other.example; dkim=pass":                          false,
		"mx.example.com.evil.example; dkim=pass":            false,
		"xmx.example.com; dkim=pass":                        false,
		"other.example; dkim=pass header.d=mx.example.com":  false,
		"other.example (mx.example.com); dkim=pass":         false,
		"mta1.mail.example  from=example.com; dkim=neutral": false,
		"dkim=pass header.d=example.com":                    false,
		"":                                                  false,
	} {
		if got := IsForged(gateway.Field("authentication-RESULTS : "+value+"\r\n"), ours); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
	for _, name := range []string{"ARC-Authentication-Results", "X-Authentication-Results", "Authentication-Results-Original", "Subject"} {
		if IsForged(gateway.Field(name+": mx.example.com; dkim=pass\r\n"), ours) {
			t.Errorf("%s is none of ours", name)
		}
	}
}

// FuzzIsForged holds that our id is found after any comment and in any case,
// and that nothing makes the reader panic.
func FuzzIsForged(f *testing.F) {
	for _, s := range []string{"", "a", "(", ")", `"`, `\`, ";", "mx.example.com; x", "\r\n "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		const ours = "mx.example.com"
		IsForged(gateway.Field("Authentication-Results:"+s+"\r\n"), ours)
		comment := "(" + strings.NewReplacer("(", `\(`, ")", `\)`, `\`, `\\`, "\r", "", "\n", "").Replace(s) + ")"
		for _, value := range []string{comment + "Mx.Example.Com;" + s, ` "MX.example.com" ` + comment + "1;", "mx.example.com" + comment} {
			if !IsForged(gateway.Field("Authentication-Results: "+value+"\r\n"), ours) {
				t.Fatalf("%q is not found to be forged", value)
			}
		}
	})
}
