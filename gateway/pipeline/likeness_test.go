package pipeline

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

func draftOf(t testing.TB, text string) *gateway.Draft {
	t.Helper()
	draft, err := gateway.OpenDraft(gateway.Bytes(text))
	if err != nil {
		t.Fatal(err)
	}
	return draft
}

func TestLikeness(t *testing.T) {
	long := strings.Repeat(strings.Repeat("a", 76)+"\r\n", 1000) // several blocks
	post := hello + long
	l, err := newLikeness(draftOf(t, post))
	if err != nil {
		t.Fatal(err)
	}
	changed := func(at int, to string) string { return post[:at] + to + post[at+len(to):] }
	for _, c := range []struct {
		name, text string
		alike      bool
	}{
		{"itself", post, true},
		{"by another way", "Received: from a by b; now\r\nRETURN-PATH: <x@example.com>\r\n" + post, true},
		{"another subject", strings.Replace(post, "Subject: ", "Subject: Re: ", 1), false},
		{"another first octet of the body", changed(len(hello), "b"), false},
		{"another octet far behind", changed(len(post)-40_000, "b"), false},
		{"another last line", changed(len(post)-3, "b"), false},
		{"longer", post + "a\r\n", false},
		{"shorter", post[:len(post)-78], false},
		{"a field that became text", strings.Replace(post, "\r\n\r\n", "\r\n\r\nX: y\r\n", 1), false},
	} {
		digest, err := digestOf(draftOf(t, c.text), l.Key)
		if err != nil || (digest == l.Digest) != c.alike {
			t.Errorf("%s: alike %v, %v", c.name, digest == l.Digest, err)
		}
	}
	if other, err := newLikeness(draftOf(t, post)); err != nil || other.Key == l.Key || other.Digest == l.Digest {
		t.Error("two posts have one key", err)
	}
}

// What is after the part that is compared counts by its length alone.
func TestLikenessOfLargeBody(t *testing.T) {
	large := hello + strings.Repeat("a", likenessBodyMax)
	l, err := newLikeness(draftOf(t, large+"a"))
	if err != nil {
		t.Fatal(err)
	}
	for tail, alike := range map[string]bool{"a": true, "b": true, "": false, "aa": false} {
		if digest, err := digestOf(draftOf(t, large+tail), l.Key); err != nil || (digest == l.Digest) != alike {
			t.Errorf("%q behind it: alike %v, %v", tail, digest == l.Digest, err)
		}
	}
}

// BenchmarkLikeness is what it takes for a post of 10 kB, beside SHA-256 of it.
func BenchmarkLikeness(b *testing.B) {
	text := hello + strings.Repeat("a", 10<<10)
	draft := draftOf(b, text)
	b.Run("gmac", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if _, err := newLikeness(draft); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for content := []byte(text); b.Loop(); {
			sha256.Sum256(content)
		}
	})
}
