package probe

import (
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

func TestRules(t *testing.T) {
	for _, test := range []struct{ rule, verb, address, want string }{
		{`RCPT @example\.org$=451 4.7.1 greylisted`, "RCPT", "a@example.org", "451 4.7.1 greylisted"},
		{`RCPT @example\.org$=451 4.7.1 greylisted`, "RCPT", "a@example.org.uk", ""},
		{`RCPT @example\.org$=451 4.7.1 greylisted`, "MAIL", "a@example.org", ""},
		{`mail ^$=550 no bounces`, "MAIL", "", "550 5.0.0 no bounces"},
		{`DATA =452`, "DATA", "anyone@example.com", "452 4.0.0 refused on purpose"},
		{`RCPT anne=example.com@=550 5.1.1 a=b=451 c`, "RCPT", "l+anne=example.com@x.example", "550 5.1.1 a=b=451 c"},
		{`RCPT a b=421 4.3.2`, "RCPT", `"a b"@example.com`, "421 4.3.2 refused on purpose"},
	} {
		rule, err := ParseRule(test.rule)
		if err != nil {
			t.Error(err)
			continue
		}
		got := ""
		if status := refusal([]Rule{rule}, test.verb, test.address); status != nil {
			got = status.Reply()
		}
		if got != test.want {
			t.Errorf("%s: %s %s is answered %q, want %q", test.rule, test.verb, test.address, got, test.want)
		}
	}
}

func TestParseRuleErrors(t *testing.T) {
	for _, test := range []struct{ rule, want string }{
		{"", "not of the form"},
		{"RCPT", "not of the form"},
		{"RCPT x=55", "not of the form"},
		{"RCPT x=5500 y", "not of the form"},
		{"RSET x=550 y", `"RSET" is neither MAIL nor RCPT nor DATA`},
		{"RCPT (=550 y", "missing closing )"},
		{"RCPT x=250 y", "the code is 250"},
		{"RCPT x=600 y", "the code is 600"},
		{"RCPT x=550 4.1.1 y", "different classes"},
		{"RCPT x=550 \r", "control characters"},
		{"RCPT x=550 " + strings.Repeat("y", 500), "too long"},
	} {
		if _, err := ParseRule(test.rule); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: got %v, want %q", test.rule, err, test.want)
		}
	}
}

func FuzzParseRule(f *testing.F) {
	for _, seed := range []string{"RCPT x=550 5.1.1 no", "MAIL ^$=451", "DATA =452 4.3.1 a=b", "RCPT =\x00=550 a\r\nb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := ParseRule(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Errorf("the error %q is not printable", err)
			}
			return
		}
		refusal([]Rule{rule}, "RCPT", text)
		if class := rule.status.Class(); class == gateway.Success || rule.status.Enhanced[0] != int(class) || gateway.Printable(rule.status.Text) != rule.status.Text {
			t.Errorf("%q became %v", text, rule.status.Reply())
		}
	})
}
