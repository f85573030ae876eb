package authres

import (
	"strings"
	"testing"
)

// The strings of RFC 3492, section 7.1, and names that are in use.
func TestALabels(t *testing.T) {
	for name, want := range map[string]string{
		"":                       "",
		"Example.COM":            "example.com",
		"BÜCHER.example":         "xn--bcher-kva.example",
		"bu\u0308cher.example":   "xn--bcher-kva.example", // the umlaut as a mark of its own
		"ｍａｉｌ。例え。テスト":            "mail.xn--r8jz45g.xn--zckzah",
		"münchen.de":             "xn--mnchen-3ya.de",
		"почта.рф":               "xn--80a1acny.xn--p1ai",
		"ليهمابتكلموشعربي؟":      "xn--egbpdaj6bu4bxfgehfvwxn",
		"他们为什么不说中文":              "xn--ihqwcrb4cv8a8dqg056pqjye",
		"pročprostěnemluvíčesky": "xn--proprostnemluvesky-uyb24dma41a",
		"למההםפשוטלאמדבריםעברית":     "xn--4dbcagdahymbxekheh6e0a7fei0b",
		"なぜみんな日本語を話してくれないのか":         "xn--n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa",
		"3年b組金八先生":                   "xn--3b-ww4c5e180e575a65lsy2b",
		"安室奈美恵-with-super-monkeys":   "xn---with-super-monkeys-pc58ag80a8qai00g7n9n",
		"hello-another-way-それぞれの場所":  "xn--hello-another-way--fc4qua05auwb3674vfr0b",
		"パフィーdeルンバ":                  "xn--de-jg4avhby1noc0d",
		"xn--bcher-kva.example":      "xn--bcher-kva.example",
		strings.Repeat("ü.", 200):    "-",
		"b\xfccher.example":          "-",
		"_dmarc.\u212Aelvin.example": "_dmarc.kelvin.example", // the sign of the unit
	} {
		got, err := aLabels(name)
		if err != nil {
			got = "-"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
