package rfc2047

import (
	"mime"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecode(t *testing.T) {
	for value, want := range map[string]string{
		"":                                "",
		"plain":                           "plain",
		"=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=":     "Grüße",
		"=?utf-8?b?R3LDvMOfZQ==?=":        "Grüße",
		"=?ISO-8859-1?Q?Gr=FC=DFe?=":      "Grüße",
		"=?iso-8859-1*de?q?Gr=FC=DFe?=":   "Grüße",
		"=?koi8-r?Q?a=C1b?=":              "a\uFFFDb",
		"=?Windows-1252?Q?=80=81=96=FC?=": "€\uFFFD–ü",
		"=?UTF-8?Q?a?= =?UTF-8?Q?b?=":     "ab",
		"=?UTF-8?Q?a?=  c":                "a  c",
		"Re: =?UTF-8?Q?=5Bdev=5D_x?=":     "Re: [dev] x",
		"=?UTF-8?Q?no end":                "=?UTF-8?Q?no end",
		"=?UTF-8?X?what?=":                "=?UTF-8?X?what?=",
		"=?UTF-8?B?%%%?=":                 "=?UTF-8?B?%%%?=",
		"=?=?=?":                          "=?=?=?",
		"=?UTF-8?Q?=zz?=":                 "=zz",
	} {
		if got := Decode(value); got != want {
			t.Errorf("Decode(%q) = %q, want %q", value, got, want)
		}
	}
}

func TestPhrase(t *testing.T) {
	for text, want := range map[string]string{
		"Our news":     "Our news",
		"News, old":    `"News, old"`,
		`a "b" \c`:     `"a \"b\" \\c"`,
		"Grüße":        "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=",
		"a\r\nEvil: b": "=?UTF-8?Q?a__Evil=3A_b?=",
		"=?x":          "=?UTF-8?Q?=3D=3Fx?=",
	} {
		if got := Phrase(text); got != want {
			t.Errorf("Phrase(%q) = %s, want %s", text, got, want)
		}
	}
}

// FuzzEncode holds that the standard library and Decode read back what Encode
// wrote, and that each word is short enough.
func FuzzEncode(f *testing.F) {
	for _, seed := range []string{"", "x", "Grüße an alle", strings.Repeat("ß", 200), "=?utf-8?q?x?=", "a b  c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		coded := Encode(text)
		if !printable(coded) {
			t.Fatalf("Encode(%q) = %q", text, coded)
		}
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return
		}
		if got := Decode(coded); got != text {
			t.Fatalf("Decode(%q) = %q, want %q", coded, got, text)
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(coded); err != nil || got != text {
			t.Fatalf("mime reads %q as %q, %v", coded, got, err)
		}
		if coded == text {
			return
		}
		for word := range strings.SplitSeq(coded, " ") {
			if len(word) > WordBytesMax {
				t.Fatalf("%q is longer than %d octets", word, WordBytesMax)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add("=?UTF-8?Q?a?= =?utf-8?B?R3I=?= x =?")
	f.Fuzz(func(t *testing.T, value string) { Decode(value) })
}
