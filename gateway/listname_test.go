package gateway

import (
	"strings"
	"testing"
)

func TestCheckListAddress(t *testing.T) {
	for address, want := range map[string]string{
		"dev@lists.example.com":                        "",
		"a.b-c_d@lists.example.com":                    "",
		"odd*^${x}?&'`~=a#b@lists.example.com":         "",
		"grüße@lists.example.com":                      "",
		strings.Repeat("x", 52) + "@lists.example.com": "",
		strings.Repeat("x", 53) + "@lists.example.com": "longer than 52",
		"c++@lists.example.com":                        `a "+"`,
		"a/b@lists.example.com":                        `a "/"`,
		"../etc@lists.example.com":                     `a "/"`,
		"-rf@lists.example.com":                        `begins with "-"`,
		"|sh@lists.example.com":                        `begins with "-", "|"`,
		"a|b@lists.example.com":                        `"|"`,
		"a%b@lists.example.com":                        `a "%"`,
		"host!a@lists.example.com":                     `a "!"`,
		"#a@lists.example.com":                         `begins with "#"`,
		`"a b"@lists.example.com`:                      "not a plain word",
		"@lists.example.com":                           "empty",
		"dev@[192.0.2.1]":                              "IP address",
	} {
		err := CheckListAddress(ForwardPath(address))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}

func TestCheckDescription(t *testing.T) {
	for description, want := range map[string]string{
		"":                        "",
		"Grüße an alle":           "",
		strings.Repeat("x", 1000): "",
		strings.Repeat("x", 1001): "longer than 1000",
		"a\nb":                    "more than one line",
		"a\x1b[2J":                "control character",
		"a\u009b2J":               "control character",
	} {
		err := CheckDescription(description)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", description, err, want)
		}
	}
}
