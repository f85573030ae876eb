package charset

import (
	"runtime"
	"strings"
	"testing"
)

func TestToUTF8(t *testing.T) {
	for _, test := range []struct{ charset, octets, want string }{
		{"", "gr\xc3\xbc\xc3\x9fe", "grüße"},
		{"", "gr\xfc\xdfe", "grüße"},
		{"us-ascii", "\x93quoted\x94", "“quoted”"},
		{"no-such-charset", "gr\xfc\xdfe", "grüße"},
		{"iso-2022-kr", "gr\xfc\xdfe", "grüße"},
		{"UTF-8", "a\xffb", "a\uFFFDb"},
		{"koi8-r", "\xf0\xf2\xe9\xf7\xe5\xf4", "ПРИВЕТ"},
		{"iso-2022-jp", "\x1b$B$3$s\x1b(B", "こん"},
		{"us-ascii", "\x1b$B$3$s\x1b(B", "こん"},
		{"gb2312", "\xc4\xe3\xba\xc3", "你好"},
		{"utf-16be", "\x00a\x20\xac", "a€"},
		{"big5", "\xa7", "\uFFFD"},
		{"latin1", "twelve octets, and no more", "twelve octet"},
	} {
		if got := ToUTF8(test.charset, test.octets, 12); got != test.want {
			t.Errorf("%s %q: %q, not %q", test.charset, test.octets, got, test.want)
		}
	}
}

func TestWords(t *testing.T) {
	for field, want := range map[string]string{
		"hello":                              "hello",
		"=?utf-8?q?gr=C3=BC=C3=9Fe?= x":      "grüße x",
		"=?iso-2022-jp?B?GyRCJDMkcxsoQg==?=": "こん",
		"=?koi8-r?Q?=F0=F2=E9=F7=E5=F4?=":    "ПРИВЕТ",
		"=?utf-8?q?broken":                   "=?utf-8?q?broken",
	} {
		if got := Words(field); got != want {
			t.Errorf("%q: %q, not %q", field, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for field, want := range map[string]string{
		"=?iso-2022-jp?B?GyRCJDMkcxsoQg==?= <a@example.com>":                   "こん <a@example.com>",
		"=?Windows-1252?Q?J=FCrgen?= <a@example.com>, =?x-new?Q?b?= <b@c.org>": "Jürgen <a@example.com>, b <b@c.org>",
		`"J. \"X\" Ö" <"j \"x\""@example.com>, "ö.a"@c.org, "a..b"@c.org`:      `J. "X" Ö <"j \"x\""@example.com>,  <ö.a@c.org>,  <"a..b"@c.org>`,
		"Ren\xe9 <a@example.com>, \"\xc4\xe3\" <b@c.org>":                      "Ren\uFFFD <a@example.com>, \uFFFD <b@c.org>",
		"=?koi8-r?Q?=3Cx=40y.org=3E=2C?= <a@example.com>":                      "<x@y.org>, <a@example.com>",
	} {
		var got []string
		all, err := Addresses(field)
		for _, a := range all {
			got = append(got, a.Name+" <"+a.Address+">")
		}
		if strings.Join(got, ", ") != want || err != nil {
			t.Errorf("%q: %q, %v, not %q", field, got, err, want)
		}
	}
}

func TestAddressNotUTF8(t *testing.T) {
	for _, field := range []string{"a <gr\xfc@example.com>", "a <a@b\xfc.example>", "a <a@example.com>, \"\xff\"@c.org"} {
		if all, err := Addresses(field); len(all) > 0 || err == nil {
			t.Errorf("%q: %v, %v", field, all, err)
		}
	}
}

// A field can be made of encoded words, and a message of such fields: each may take
// no more memory than some times its own octets.
func TestManyWords(t *testing.T) {
	field := strings.Repeat("=?big5?b?abcd?=", 1000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	Words(field)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 10<<20 {
		t.Errorf("%d octets took %d KiB of memory", len(field), took>>10)
	}
}
