package writer

import (
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/sdktest"
)

func TestLMTP(t *testing.T) {
	for _, test := range []struct {
		address, socket string
		want            Target
		ok              bool
	}{
		{"127.0.0.1:8024", "", Target{Host: "127.0.0.1", Port: "8024"}, true},
		{"LocalHost:24", "/run/x", Target{Host: "127.0.0.1", Port: "24"}, true},
		{"[::1]:24", "", Target{Host: "::1", Port: "24"}, true},
		{"mx.example.com:24", "", Target{Host: "mx.example.com", Port: "24"}, true},
		{"", "/run/x", Target{Socket: "/run/x"}, true},
		{"", "", Target{}, false},
		{"mx.example.com", "", Target{}, false},
		{":24", "", Target{}, false},
		{"x:", "", Target{}, false},
	} {
		h := sdktest.Host{Tables: map[string][]map[string]string{"gateway": {{"lmtp_target": test.address, "lmtp_socket": test.socket}}}}
		h.MTAConfig(func(inv *sdk.Inventory) error {
			got, err := LMTP(inv)
			if got != test.want || (err == nil) != test.ok {
				t.Errorf("%q %q: %+v, %v", test.address, test.socket, got, err)
			}
			return nil
		})
	}
}

func TestCheck(t *testing.T) {
	for word, ok := range map[string]bool{
		"dev@lists.example.com": true, "c++": true, "odd*^$.{x}": true, "a#b": true, "grüße": true,
		"": false, ".": false, "..": false, "a..b": false, "-x": false, "#x": false, "!x": false, ":x": false,
		"a b": false, "a\tb": false, "a\nb": false, "a/b": false, "a|b": false, "a\\b": false, `"a"`: false, "a,b": false,
	} {
		if err := Check(word); (err == nil) != ok {
			t.Errorf("Check(%q) = %v", word, err)
		}
	}
}

func TestLower(t *testing.T) {
	for s, want := range map[string]string{"": "", "abc": "abc", "aBC-Ä@X": "abc-Ä@x"} {
		if got := Lower(s); got != want {
			t.Errorf("Lower(%q) = %q", s, got)
		}
	}
	if local, domain := Split("a@b@c"); local != "a@b" || domain != "c" {
		t.Errorf("Split gives %q and %q", local, domain)
	}
}

// What is kept stays as it is until all is let go of.
func TestTexts(t *testing.T) {
	var texts Texts
	for range 2 {
		var kept, want []string
		for n := range 300 {
			word := strings.Repeat(string(rune('a'+n%26)), n)
			kept, want = append(kept, texts.Keep(word)), append(want, word)
		}
		if !slices.Equal(kept, want) {
			t.Error("what was kept is another text now")
		}
		texts.Reset()
	}
}
