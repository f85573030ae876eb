package authres

import (
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mmgw/mmgw/gateway"
)

// errNoALabel is the error of a name that has no form in the letters of DNS.
var errNoALabel = errors.New("the name is not an internationalised domain name")

// aLabels is a domain as DNS has it, in lower case. Labels in UTF-8 are mapped by RFC
// 5895 and become A-labels (RFC 5890, section 2.3.2.1): "BÜCHER.example" is
// "xn--bcher-kva.example". Whether a name could be registered is not checked, since
// DNS has no answer for one that could not.
func aLabels(domain string) (string, error) {
	lower := strings.ToLower(domain)
	switch {
	case gateway.IsASCII(lower):
		return lower, nil
	case len(domain) > dnsNameBytesMax || strings.ContainsRune(domain, utf8.RuneError): // which invalid UTF-8 also gives
		return "", errNoALabel
	}
	labels := strings.Split(strings.ReplaceAll(norm.NFKC.String(lower), "。", "."), ".")
	for i, label := range labels {
		if !gateway.IsASCII(label) {
			labels[i] = "xn--" + punycode([]rune(label))
		}
	}
	return strings.Join(labels, "."), nil
}

// ASCIIDomain is a domain in A-labels (RFC 5890) and lower case, the form in which
// domains from different sources can be compared. One that has no such form is only
// brought to lower case.
func ASCIIDomain(domain string) string {
	if ascii, err := aLabels(domain); err == nil {
		return ascii
	}
	return strings.ToLower(domain)
}

// The parameters of RFC 3492, section 5.
const (
	punyBase, punyTMin, punyTMax = 36, 1, 26
	punySkew, punyDamp           = 38, 700
	punyBias, punyN              = 72, 128
)

// punycode encodes a label (RFC 3492, section 6.3). It takes time by the square of
// the length, which dnsNameBytesMax bounds.
func punycode(label []rune) string {
	var out []byte
	for _, c := range label {
		if c < utf8.RuneSelf {
			out = append(out, byte(c))
		}
	}
	basic := len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(punyN), 0, punyBias
	for done := basic; done < len(label); n++ {
		next := rune(utf8.MaxRune)
		for _, c := range label {
			if c >= n {
				next = min(next, c)
			}
		}
		delta += int(next-n) * (done + 1)
		n = next
		for _, c := range label {
			if c < n {
				delta++
			}
			if c == n {
				out = punyDelta(out, delta, bias)
				bias = punyAdapt(delta, done+1, done == basic)
				delta = 0
				done++
			}
		}
		delta++
	}
	return string(out)
}

// punyDelta appends a number of variable length.
func punyDelta(out []byte, delta, bias int) []byte {
	const digits = "abcdefghijklmnopqrstuvwxyz0123456789"
	for k := punyBase; ; k += punyBase {
		t := min(max(k-bias, punyTMin), punyTMax)
		if delta < t {
			return append(out, digits[delta])
		}
		out = append(out, digits[t+(delta-t)%(punyBase-t)])
		delta = (delta - t) / (punyBase - t)
	}
}

// punyAdapt is the bias for the next number (section 6.1).
func punyAdapt(delta, points int, first bool) int {
	if first {
		delta /= punyDamp
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for ; delta > (punyBase-punyTMin)*punyTMax/2; k += punyBase {
		delta /= punyBase - punyTMin
	}
	return k + (punyBase-punyTMin+1)*delta/(delta+punySkew)
}
