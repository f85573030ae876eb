package token

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

var (
	now   = time.Date(2026, 5, 17, 12, 0, 30, 0, time.UTC)
	codec = &Codec{Secrets: [][]byte{[]byte("0123456789abcdef0123456789abcdef"), []byte("an older secret of thirty-two oc")}}
	claim = Claim{Purpose: "leave", List: "dev.lists.example.com", Member: `"a b"@example.com`, Expires: now.Add(72 * time.Hour)}
)

func TestRoundTrip(t *testing.T) {
	for _, member := range []gateway.ForwardPath{"anne@example.com", "Anne.B@example.com", "é@exämple.com", claim.Member,
		gateway.ForwardPath(strings.Repeat("a", 64) + "@" + strings.Repeat("b", 189))} {
		for _, expires := range []time.Time{{}, claim.Expires} {
			c := claim
			c.Member, c.Expires = member, expires
			whole, short := codec.Whole(c), codec.Short(c)
			if len(short) != ShortChars || whole[:ShortChars] != short || strings.Trim(whole, "abcdefghijklmnopqrstuvwxyz234567") != "" {
				t.Errorf("%q and %q", short, whole)
			}
			for _, text := range []string{whole, strings.ToUpper(whole)} {
				got, err := codec.Read("leave", text, now)
				got.Expires, c.Expires = got.Expires.UTC(), expires.Truncate(time.Minute)
				if err != nil || got != c {
					t.Errorf("%q: %+v, %v; want %+v", text, got, err, c)
				}
			}
			if _, err := codec.Check(c, strings.ToUpper(short), now); err != nil {
				t.Errorf("%q: %v", short, err)
			}
		}
	}
}

// TestGolden holds the form: tokens stand in mail for years.
func TestGolden(t *testing.T) {
	const want = "ahch44atdqk2nxnvbe6yvu4rmrsxmltmnfzxi4zomv4gc3lqnrss4y3pnuaceyjamireazlymfwxa3dffzrw63i"
	if got := codec.Whole(claim); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestForged(t *testing.T) {
	whole := codec.Whole(claim)
	for i := range whole {
		for _, c := range []string{"a", "b", "7", "!", "\n"} {
			if forged := whole[:i] + c + whole[i+1:]; forged != whole {
				if got, err := codec.Read("leave", forged, now); !errors.Is(err, ErrForged) {
					// The case of letters counts for nothing.
					if got.Member.Key() != claim.Member.Key() || got.List != claim.List {
						t.Errorf("%q: %+v, %v", forged, got, err)
					}
				}
			}
		}
	}
	for _, text := range []string{"", "a", whole[:ShortChars], whole + "a", whole + "\n", strings.Repeat("a", 1<<20)} {
		if _, err := codec.Read("leave", text, now); !errors.Is(err, ErrForged) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	if _, err := codec.Read("join", whole, now); !errors.Is(err, ErrForged) {
		t.Errorf("for another purpose: %v", err)
	}
	other := claim
	other.List = "ops.lists.example.com"
	if _, err := codec.Check(other, codec.Short(claim), now); !errors.Is(err, ErrForged) {
		t.Errorf("for another list: %v", err)
	}
}

// TestOneSpelling: a token of any length is believed in one spelling, and not
// with characters after it or with other bits where it needs none.
func TestOneSpelling(t *testing.T) {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	for n := range 5 {
		c := claim
		c.Member = gateway.ForwardPath(strings.Repeat("a", n+1) + "@example.com")
		whole := codec.Whole(c)
		last := len(whole) - 1
		for _, letter := range letters {
			if _, err := codec.Read("leave", whole+string(letter), now); err == nil {
				t.Errorf("%q, and %q behind it", whole, letter)
			}
			other := whole[:last] + string(letter)
			if got, err := codec.Read("leave", other, now); err == nil && other != whole {
				t.Errorf("%q is %+v", other, got)
			}
		}
	}
}

func TestExpiry(t *testing.T) {
	whole := codec.Whole(claim)
	if _, err := codec.Read("leave", whole, claim.Expires.Add(-time.Minute)); err != nil {
		t.Error(err)
	}
	if c, err := codec.Read("leave", whole, claim.Expires.Add(time.Minute)); !errors.Is(err, ErrExpired) || c.Member != claim.Member {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestOlderSecret(t *testing.T) {
	older := &Codec{Secrets: codec.Secrets[1:]}
	if _, err := codec.Read("leave", older.Whole(claim), now); err != nil {
		t.Error(err)
	}
	if _, err := older.Read("leave", codec.Whole(claim), now); !errors.Is(err, ErrForged) {
		t.Error("believed a secret that it does not have")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(codec.Whole(claim))
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := codec.Read("leave", text, now); err == nil && c.Member.Key() != claim.Member.Key() {
			t.Errorf("%q is %+v", text, c)
		}
	})
}
