package authres

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/mmgw/mmgw/gateway"
)

const plainMessage = "From: anne@example.com\r\nTo: list@example.org\r\nSubject: hello\r\n\r\nHi.\r\n"

var signer = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

// keyRecord is the record of signer, with more tags in front.
func keyRecord(more string) string {
	public := base64.StdEncoding.EncodeToString(signer.Public().(ed25519.PublicKey))
	return "v=DKIM1; k=ed25519; " + more + "p=" + public
}

func oneKey(more string) zone { return zone{"s1._domainkey.example.com": {keyRecord(more)}} }

// sign adds a signature of example.com to a message.
func sign(t *testing.T, message string, change func(*dkim.SignOptions)) string {
	t.Helper()
	options := &dkim.SignOptions{
		Domain: "example.com", Selector: "s1", Signer: signer,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed,
		BodyCanonicalization:   dkim.CanonicalizationRelaxed,
		HeaderKeys:             []string{"From", "To", "Subject"},
	}
	if change != nil {
		change(options)
	}
	var b bytes.Buffer
	if err := dkim.Sign(&b, strings.NewReader(message), options); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestVerify(t *testing.T) {
	signed := sign(t, plainMessage, nil)
	asUser := sign(t, plainMessage, func(o *dkim.SignOptions) { o.Identifier = "anne@sub.example.com" })
	simple := sign(t, plainMessage, func(o *dkim.SignOptions) {
		o.HeaderCanonicalization, o.BodyCanonicalization = dkim.CanonicalizationSimple, dkim.CanonicalizationSimple
	})
	inUTF8 := sign(t, plainMessage, func(o *dkim.SignOptions) { o.Domain = "bücher.example" })
	expired := sign(t, plainMessage, func(o *dkim.SignOptions) { o.Expiration = time.Unix(1e9, 0) })
	for _, c := range []struct {
		name, message string
		records       zone
		want          string // result, and the beginning of the reason
	}{
		{"signed", signed, oneKey(""), "pass"},
		{"simple", simple, oneKey(""), "pass"},
		{"more blank lines at the end", signed + "\r\n\r\n", oneKey(""), "pass"},
		{"changed body", signed + "x", oneKey(""), "fail body hash"},
		{"changed field", strings.Replace(signed, "hello", "HELLO", 1), oneKey(""), "fail signature did not verify"},
		{"no key", signed, zone{}, "permerror there is no key"},
		{"DNS away", signed, zone{"s1._domainkey.example.com": {"TEMPERROR"}}, "temperror DNS"},
		{"two keys", signed, zone{"s1._domainkey.example.com": {keyRecord(""), "x"}}, "permerror there is more than one"},
		{"revoked", signed, zone{"s1._domainkey.example.com": {"v=DKIM1; p="}}, "permerror key revoked"},
		{"huge key", signed, oneKey("n=" + strings.Repeat("x", KeyBytesMax) + "; "), "permerror the key record is too large"},
		{"testing", signed, oneKey("t=y; "), "pass the key is in testing mode"},
		{"subdomain", asUser, oneKey(""), "pass"},
		{"subdomain, strict key", asUser, oneKey("t=s; "), "permerror the key does not sign for subdomains"},
		{"strict key", signed, oneKey("t=y:s; "), "pass the key is in testing mode"},
		{"UTF-8", inUTF8, zone{"s1._domainkey.xn--bcher-kva.example": {keyRecord("")}}, "pass"},
		{"expired", expired, oneKey(""), "permerror signature has expired"},
		{"two authors", "From: eve@example.net\r\n" + signed, oneKey(""), "policy the message has 2 From"},
		{"part of the body", strings.Replace(signed, "; s=s1;", "; s=s1; l=2;", 1), oneKey(""), "policy the signature leaves"},
		{"from the future", strings.Replace(signed, "; s=s1;", "; s=s1; x=1; t=99999999999;", 1), oneKey(""), "permerror"},
		{"sha1", strings.Replace(signed, "ed25519-sha256", "rsa-sha1", 1), oneKey(""), "permerror hash algorithm too weak"},
		{"no domain", strings.Replace(signed, "d=example.com", "q=dns/txt", 1), oneKey(""), "permerror there is no d="},
		{"no tags", "DKIM-Signature: hello\r\n" + plainMessage, oneKey(""), "permerror malformed"},
		{"twice a tag", strings.Replace(signed, "s=s1;", "s=s1; s=s1;", 1), oneKey(""), "permerror duplicate"},
		{"mbox line", "From anne Mon Jan  1 00:00:00 2024\r\n" + signed, oneKey(""), "pass"},
		{"empty", "", oneKey(""), ""},
		{"not signed", plainMessage, oneKey(""), ""},
		{"no body", "DKIM-Signature: v=1", oneKey(""), "permerror"},
	} {
		v := Verifier{DNS: c.records}
		got := ""
		for _, d := range v.Verify(t.Context(), gateway.Bytes(c.message)).DKIM {
			got = strings.TrimSpace(d.Result + " " + d.Reason)
		}
		if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestOneBadAmongGood holds that a signature that is not looked at leaves the
// others alone.
func TestOneBadAmongGood(t *testing.T) {
	message := "DKIM-Signature: v=1; d=../x; s=y\r\n" + sign(t, plainMessage, nil)
	v := Verifier{DNS: oneKey("")}
	r := v.Verify(t.Context(), gateway.Bytes(message))
	if want := []string{PermError, Pass}; !slices.Equal(words(r), want) {
		t.Errorf("got %+v", r.DKIM)
	}
	if d := r.DKIM[1]; d.Domain != "example.com" || d.Selector != "s1" {
		t.Errorf("got %+v", d)
	}
}

// silence is a name server that never answers.
type silence struct{ zone }

func (silence) LookupTXT(ctx context.Context, _ string) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// questions counts what is asked of DNS.
type questions struct {
	zone
	mu    sync.Mutex
	names []string
}

func (q *questions) LookupTXT(_ context.Context, name string) ([]string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.names = append(q.names, name)
	return nil, errors.New("away")
}

// TestQuestions holds that names from a message reach DNS only where they are
// names, and only a few of them. The library by itself asks anything.
func TestQuestions(t *testing.T) {
	hostile := []string{
		"d=foo.internal/..%00; s=../../x y", "d=a..b; s=x", "d=.; s=x", "d=exam\x01ple.com; s=x",
		"d=" + strings.Repeat("x", 64) + ".com; s=x", "d=" + strings.Repeat("abcdefg.", 32) + "com; s=x",
		"d=b\xfccher.example; s=x", "d=b\u00fc/..cher.example; s=x", "d=example.com; s=", "d=example.com; s=*", "d=localhost\x00.com; s=x",
	}
	for _, tags := range hostile {
		message := "DKIM-Signature: v=1; a=rsa-sha256; h=from; b=x; bh=x; " + tags + "\r\n" + plainMessage
		var ours, theirs questions
		v := Verifier{DNS: &ours}
		if r := v.Verify(t.Context(), gateway.Bytes(message)); len(ours.names) > 0 || r.DKIM[0].Result != PermError || r.DKIM[0].Domain+r.DKIM[0].Selector == tags {
			t.Errorf("%q: asked %q, %+v", tags, ours.names, r.DKIM)
		}
		_, err := dkim.VerifyWithOptions(strings.NewReader(message), &dkim.VerifyOptions{
			LookupTXT: func(name string) ([]string, error) { return theirs.LookupTXT(t.Context(), name) },
		})
		if err != nil || len(theirs.names) == 0 {
			t.Errorf("%q is no control: the library did not ask (%v)", tags, err)
		}
	}

	var many strings.Builder
	for i := range 500 {
		fmt.Fprintf(&many, "DKIM-Signature: v=1; a=rsa-sha256; h=from; b=x; bh=x; d=Example.com; s=s%d\r\n", i)
	}
	var ours questions
	v := Verifier{DNS: &ours}
	r := v.Verify(t.Context(), gateway.Bytes(many.String()+plainMessage))
	if len(ours.names) != SignaturesMax || !slices.Contains(ours.names, "s0._domainkey.example.com.") {
		t.Errorf("asked %q", ours.names)
	}
	if last := r.DKIM[len(r.DKIM)-1]; len(r.DKIM) != SignaturesMax+1 || last.Reason != "492 more signatures were not looked at" {
		t.Errorf("%d results, the last is %+v", len(r.DKIM), last)
	}
}

// TestSilentDNS holds that a server that never answers costs the time limit
// once, and leaves nothing behind.
func TestSilentDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		message := sign(t, sign(t, plainMessage, nil), func(o *dkim.SignOptions) { o.Selector = "s2" })
		v := Verifier{DNS: NewResolver(silence{}, "")}
		start := time.Now()
		r := v.Verify(t.Context(), gateway.Bytes(message))
		if elapsed := time.Since(start); elapsed != QuestionTimeout || !slices.Equal(words(r), []string{TempError, TempError}) {
			t.Errorf("after %v: %+v", elapsed, r.DKIM)
		}
	})
}

// brittle is a content whose disk fails after its first octets.
type brittle struct {
	gateway.Bytes
	good int
	read func()
}

type brittleReader struct {
	gateway.ContentReader
	left int
	read func()
}

func (b brittle) Open() (gateway.ContentReader, error) {
	r, err := b.Bytes.Open()
	return &brittleReader{r, b.good, b.read}, err
}

func (r *brittleReader) ReadAt(p []byte, off int64) (int, error) {
	r.read()
	if off+int64(len(p)) > int64(r.left) && off > 0 {
		return 0, errors.New("disk on fire")
	}
	n, err := r.ContentReader.ReadAt(p, off)
	if errors.Is(err, io.EOF) && n > 0 {
		err = nil
	}
	return n, err
}

// TestUnreadable holds that a failing disk, or a peer that is gone, gives
// temperror and leaves no goroutine: the bubble would not end.
func TestUnreadable(t *testing.T) {
	long := plainMessage + strings.Repeat("more and more\r\n", 10_000)
	for _, c := range []struct {
		name string
		good int
		end  bool
	}{{"disk", 20_000, false}, {"gone", 2 * len(long), true}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			message, reads := sign(t, sign(t, long, nil), nil), 0 // in the bubble, for its clock
			content := brittle{gateway.Bytes(message), c.good, func() {
				if reads++; c.end && reads == 3 {
					cancel()
				}
			}}
			v := Verifier{DNS: oneKey("")}
			r := v.Verify(ctx, content)
			if !slices.Equal(words(r), []string{TempError, TempError}) {
				t.Errorf("%s: %+v", c.name, r.DKIM)
			}
		})
	}
}

// TestLargeHeader holds that a header block beyond the limits is not an error.
func TestLargeHeader(t *testing.T) {
	v := Verifier{DNS: oneKey("")}
	r := v.Verify(t.Context(), gateway.Bytes(strings.Repeat("X: y\r\n", gateway.HeaderFieldsMax+1)+sign(t, plainMessage, nil)))
	if !slices.Equal(words(r), []string{Policy}) {
		t.Errorf("%+v", r.DKIM)
	}
}
