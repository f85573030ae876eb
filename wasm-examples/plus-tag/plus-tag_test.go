package main

import "testing"

func TestSplit(t *testing.T) {
	for address, want := range map[string][2]string{
		"anne+bugs@example.com": {"anne@example.com", "bugs"},
		"anne+BUGS@example.com": {"anne@example.com", "bugs"},
		"anne@example.com":      {"anne@example.com", ""},
		"+x@example.com":        {"+x@example.com", ""},
		"anne+a.b@example.com":  {"anne+a.b@example.com", ""},
		"anne+a+b@example.com":  {"anne+a+b@example.com", ""},
		"anne+@example.com":     {"anne@example.com", ""},
		`"a+b@c"@example.com`:   {`"a+b@c"@example.com`, ""},
		"anne@exam+ple.com":     {"anne@exam+ple.com", ""},
		"":                      {"", ""},
	} {
		if bare, tag := split(address); bare != want[0] || tag != want[1] {
			t.Errorf("%q is %q and %q", address, bare, tag)
		}
	}
}
