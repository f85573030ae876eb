package authres

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/mmgw/mmgw/gateway"
)

// testKeys are an RSA and an Ed25519 key of example.com, and DNS with them.
func testKeys(t testing.TB) ([]Key, zone) {
	t.Helper()
	var keys []Key
	z := zone{}
	for _, kind := range []string{RSA, Ed25519} {
		private, err := NewPrivateKey(kind)
		if err != nil {
			t.Fatal(err)
		}
		k := Key{"example.com", "k-" + kind, private}
		record, err := k.Record()
		if err != nil {
			t.Fatal(err)
		}
		keys, z[RecordName(k.Domain, k.Selector)] = append(keys, k), []string{record}
	}
	return keys, z
}

// signedMessage is message with the signatures of s for example.com.
func signedMessage(t testing.TB, s *Signer, message string) string {
	t.Helper()
	draft, err := gateway.OpenDraft(gateway.Bytes(message))
	if err != nil {
		t.Fatal(err)
	}
	hash, err := BodyHash(draft.Body())
	if err != nil {
		t.Fatal(err)
	}
	fields, err := s.Fields(draft.Header, hash, Signing{Domain: "example.com", Sign: true, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range fields {
		for line := range strings.SplitSeq(strings.TrimSuffix(string(f), "\r\n"), "\r\n") {
			if len(line) > 78 || strings.Trim(line, " \t") == "" {
				t.Errorf("a line of %d octets in %q", len(line), f)
			}
		}
		b.WriteString(string(f))
	}
	return b.String() + message
}

// TestSign has both our verifier and the library by itself verify what is
// signed here.
func TestSign(t *testing.T) {
	keys, z := testKeys(t)
	s := &Signer{Keys: keys}
	for name, message := range map[string]string{
		"plain":         plainMessage,
		"no body":       "From: anne@example.com\r\n\r\n",
		"no end":        "From: anne@example.com\r\n\r\nHi",
		"odd space":     "From : anne@example.com \r\nSubject:\r\n  a \t b\r\n\tc  \r\n\r\nHi \t there  \r\n \r\n\r\n \t \r\n",
		"blank body":    "From: anne@example.com\r\n\r\n \r\n\r\n\t\r\n",
		"many fields":   "From: anne@example.com\r\n" + strings.Repeat("References: <a@b>\r\nList-Id: <x>\r\n", 100) + "\r\nHi\r\n",
		"many names":    "From: anne@example.com\r\nTo: x\r\nCc: y\r\nSubject: z\r\nList-Id: <x>\r\nList-Unsubscribe: <mailto:a@b>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nHi\r\n",
		"8 bit":         "From: anne@example.com\r\nSubject: Gr\xc3\xbc\xc3\x9fe\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n",
		"control":       "From: anne@example.com\r\n\r\na\x00b\x01\r\n",
		"dots and From": "From: anne@example.com\r\n\r\n.\r\n..\r\nFrom me\r\n",
	} {
		text := signedMessage(t, s, message)
		v := Verifier{DNS: z}
		if r := v.Verify(t.Context(), gateway.Bytes(text)); !slices.Equal(words(r), []string{Pass, Pass}) {
			t.Errorf("%s: %+v\n%s", name, r.DKIM, text)
		}
		found, err := dkim.VerifyWithOptions(strings.NewReader(text), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) { return z[name], nil }})
		if err != nil || len(found) != 2 || found[0].Err != nil || found[1].Err != nil {
			t.Errorf("%s: the library says %v", name, err)
		}
	}
}

// TestOversigned holds that no field can be added that readers look at.
func TestOversigned(t *testing.T) {
	keys, z := testKeys(t)
	text := signedMessage(t, &Signer{Keys: keys}, plainMessage)
	v := Verifier{DNS: z}
	for _, added := range []string{"Subject: again", "To: eve@example.net", "Cc: x", "Reply-To: eve@example.net", "Date: now", "Content-Type: text/html", "Sender: eve@example.net"} {
		r := v.Verify(t.Context(), gateway.Bytes(added+"\r\n"+text))
		if slices.Contains(words(r), Pass) {
			t.Errorf("%s: %+v", added, r.DKIM)
		}
	}
	if r := v.Verify(t.Context(), gateway.Bytes("X-Spam: no\r\nReceived: x\r\n"+text)); !slices.Equal(words(r), []string{Pass, Pass}) {
		t.Errorf("trace fields break it: %+v", r.DKIM)
	}
}

// TestWhoSigns holds that the nearest domain's keys sign, and no one else's.
func TestWhoSigns(t *testing.T) {
	s := &Signer{Keys: []Key{{Domain: "example.com", Selector: "a"}, {Domain: "lists.example.com", Selector: "b"}, {Domain: "lists.example.com", Selector: "c"}}}
	for domain, want := range map[string]string{
		"lists.example.com": "bc", "x.lists.example.com": "bc", "example.com": "a", "other.example.com": "a", "example.net": "", "com": "", "": "", "badexample.com": "",
	} {
		got := ""
		for _, k := range s.For(domain) {
			got += k.Selector
		}
		if got != want {
			t.Errorf("%q is signed for by %q, want %q", domain, got, want)
		}
	}
}

// TestPrivateKeys reads keys, and says what is wrong with others.
func TestPrivateKeys(t *testing.T) {
	for _, kind := range []string{RSA, Ed25519} {
		key, err := NewPrivateKey(kind)
		if err != nil {
			t.Fatal(err)
		}
		text, err := key.PEM()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParsePrivateKey(text)
		if err != nil || again.Kind() != kind {
			t.Fatal(err)
		}
		a, _ := key.Record()
		b, err := again.Record()
		if err != nil || a != b || !SameKey(a, strings.Replace(b, "v=DKIM1; ", "v=DKIM1;t=y; ", 1)) || len(a) > KeyBytesMax {
			t.Errorf("%s, %s, %v", a, b, err)
		}
	}
	for name, c := range map[string]struct{ text, want string }{
		"text":      {"hello", "is not a PEM file"},
		"short":     {shortRSA, "an RSA key of 1024 bits"},
		"public":    {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", `holds a "PUBLIC KEY", not a private key`},
		"encrypted": {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "is encrypted"},
		"broken":    {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be read"},
	} {
		if _, err := ParsePrivateKey([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// FuzzBodyHash compares our canonicalisations with the library's.
func FuzzBodyHash(f *testing.F) {
	f.Add([]byte(" a  b \r\n\r\n\t\r\n"), true)
	f.Add([]byte("\r\n\r\n"), false)
	f.Fuzz(func(t *testing.T, body []byte, relaxed bool) {
		body = bytes.ReplaceAll(bytes.ReplaceAll(body, []byte("\r"), nil), []byte("\n"), []byte("\r\n"))
		c := dkim.CanonicalizationSimple
		if relaxed {
			c = dkim.CanonicalizationRelaxed
		}
		message := sign2(t, "From: a@example.com\r\n\r\n"+string(body), c)
		tags, err := parseTags(gateway.Field(strings.SplitAfter(message, "\r\nFrom:")[0]).Value())
		if err != nil {
			t.Skip(err)
		}
		got, err := hashBody(gateway.Bytes(body), relaxed)
		if want, _, _ := strings.Cut(tags["bh"], "\r"); err != nil || base64.StdEncoding.EncodeToString(got) != want {
			t.Errorf("%q: %x, want %s", body, got, want)
		}
	})
}

func sign2(t *testing.T, message string, c dkim.Canonicalization) string {
	return sign(t, message, func(o *dkim.SignOptions) {
		o.BodyCanonicalization, o.HeaderKeys = c, []string{"From"}
	})
}

// BenchmarkBodyHash compares with the library's body hash.
func BenchmarkBodyHash(b *testing.B) {
	body := gateway.Bytes(strings.Repeat("Some words of a line that is about as long as lines of mail are.\r\n", 15_000))
	b.SetBytes(body.Size())
	for b.Loop() {
		if _, err := BodyHash(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	keys, _ := testKeys(b)
	for _, k := range keys {
		b.Run(k.Kind(), func(b *testing.B) {
			s := &Signer{Keys: []Key{k}}
			draft, err := gateway.OpenDraft(gateway.Bytes(plainMessage))
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := s.Sign(draft.Header, make([]byte, 32), "example.com", time.Now()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// shortRSA is a key of 1024 bits, which nobody should sign with.
const shortRSA = `-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQDM3XJpeeGHQZNmzntHyxpclJs3QW0neM9ffyoSmYUYw5IzhjSN
HQlp36bH5i27vYfj5Bx6b5hWqOXUSetFEKiP6bhjyLPGloF4W0JJAbFQ1Z1Rcuy6
CQnTuoCq+Odf84WUr8IeeKwKhWSHCc/9ONU9VL7+Ac2FSMtm7zmpBh4K5QIDAQAB
AoGBAJWrk9MLgIFYn2AUqmyhLflFeMC9xAl6ccbLGOnNzzdwanfKLMqL1DzNcQPK
Xs8ygP01wriQnzNw4bhe6Mvkh8CN16f3ft3wQVYvieja1Uv0Q9KmE4QO7LE1eu/0
jej36ussM0nlxdOUZJsIFcS7RjnJyeknPIkzl0Y2ID0IuVwBAkEA5ga3QGd4xaVP
1uFypLoY9bCT3S4z7VX8oZphCsFnx+uI9t1DviOYZZsp0CNFa72sT2avk8H413qq
hSBFKjoi4QJBAOP/Z8HKwabGTy4EkpWbmouInQYpvvD3uKF/DAoiN/UWX0OIC73T
+gv7PcL5Qch/3T5MsvESsIAG5izmAIiTbIUCQC53ltc8z8nlbi5zVoxuR5KCPCyH
I9hC8YjXvdjFXyikrQNpiUDEwglsgdLY/TIZm9BiZv+LRLCKyB2iejZgjiECQCCw
/XqfDPdR1gaeJzqGbjl1pDY/BB7fFj0pz1sgnu9ofs5bEnvsihzvsGJlhRYvp1SI
gNvqNx6UXqqvbAIpSVUCQQCLVE3LHkvL7GWWYDZuFivB1HEgYA2VzF+31HVIdJrp
dYeb8F6xX+t8YPA/+C0YF4b1ScckY08IfmHFqMGK7w8Q
-----END RSA PRIVATE KEY-----
`
