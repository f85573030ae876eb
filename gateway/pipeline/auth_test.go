package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
)

// signed is hello with a DKIM signature of example.com, and its key record.
func signed(t *testing.T) (content, record string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err = dkim.Sign(&b, strings.NewReader(hello), &dkim.SignOptions{
		Domain: "example.com", Selector: "s1", Signer: private, HeaderKeys: []string{"From", "Subject"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
}

func TestHandlersSeeDKIM(t *testing.T) {
	content, record := signed(t)
	for _, c := range []struct {
		name, content, record string
		result                string // "" for none
	}{
		{"a signature that holds", content, record, "pass"},
		{"a changed message", strings.Replace(content, "hi\r\n", "ho\r\n", 1), record, "fail"},
		{"no signature", hello, record, ""},
	} {
		h := newHouse(t, devList("anne@example.com"))
		h.intake.Auth = &authres.Verifier{DNS: dns{"s1._domainkey.example.com.": c.record}}
		var result, domain string
		h.incoming = Chain{{Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
			if x.Phase == gateway.PhaseIncoming {
				result, _ = x.Lookup("auth.dkim.0.result")
				domain, _ = x.Lookup("auth.dkim.0.domain")
			}
			return gateway.Verdict{}, nil
		})}}
		forged := "Authentication-Results: GW.example.com; dkim=pass header.d=bank.example\r\n"
		if replies := h.post("anne@example.com", forged+c.content, "dev@lists.example.com"); replies[0] != accepted {
			t.Fatal(c.name, replies)
		}
		h.settle()
		if result != c.result || result != "" && domain != "example.com" {
			t.Errorf("%s: the handler saw %q of %q", c.name, result, domain)
		}
		sent := h.sent[0].content
		if strings.Contains(sent, "bank.example") || strings.Count(sent, "Authentication-Results:") != 1 {
			t.Errorf("%s: %q", c.name, sent)
		}
		if want := "dkim=" + cmp.Or(c.result, "none"); !strings.Contains(sent, want) {
			t.Errorf("%s: no %s in %q", c.name, want, sent)
		}
	}
}

// A DNS that is away delays and refuses nothing: handlers learn of it, and the
// post goes out.
func TestDNSAway(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	h.intake.Auth = &authres.Verifier{DNS: away{}}
	var results []string
	h.incoming = Chain{{Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
		for _, key := range []string{"auth.dkim.0.result", "auth.dmarc.result"} {
			if result, ok := x.Lookup(key); ok && x.Phase == gateway.PhaseIncoming {
				results = append(results, result)
			}
		}
		return gateway.Verdict{}, nil
	})}}
	content, _ := signed(t)
	if replies := h.post("anne@example.com", content, "dev@lists.example.com"); replies[0] != accepted {
		t.Error(replies)
	}
	if h.settle(); len(h.sent) != 1 || strings.Join(results, " ") != "temperror temperror" {
		t.Errorf("%d copies; handlers saw %q", len(h.sent), results)
	}
}

// away is a DNS whose servers do not answer.
type away struct{ dns }

func (away) LookupTXT(context.Context, string) ([]string, error) {
	return nil, &net.DNSError{Err: "the server misbehaves", IsTemporary: true}
}

// TestPolicy holds that handlers on both sides of the spool learn what the
// author's domain asks for, and that nobody asks DNS unless one wants to know.
func TestPolicy(t *testing.T) {
	for _, wanted := range []bool{true, false} {
		h := newHouse(t, devList("anne@example.com"))
		names := &asked{dns: dns{"_dmarc.example.com.": "v=DMARC1; p=reject"}}
		h.intake.Auth = &authres.Verifier{DNS: names}
		h.expander.Auth = h.intake.Auth
		var policies []string
		chain := Chain{{Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
			if policy, ok := x.Lookup("auth.dmarc.policy"); wanted && ok {
				policies = append(policies, policy)
			}
			return gateway.Verdict{}, nil
		})}}
		if !wanted {
			chain = nil
		}
		h.incoming, h.outgoing = chain, chain
		if replies := h.post("anne@example.com", hello, "dev@lists.example.com"); replies[0] != accepted {
			t.Fatal(replies)
		}
		h.settle()
		if wanted && strings.Join(policies, " ") != "reject reject" || !wanted && len(names.names) > 0 {
			t.Errorf("handlers saw %q, DNS was asked for %q", policies, names.names)
		}
	}
}

// TestPolicyAfterTheCall holds that authentication can be asked for when a call has
// ended, as shadows do, which run beside the way of a message.
func TestPolicyAfterTheCall(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	h.intake.Auth = &authres.Verifier{DNS: patient{dns{"_dmarc.example.com.": "v=DMARC1; p=reject"}}}
	h.expander.Auth = h.intake.Auth
	var calls []*gateway.Exchange
	h.incoming = Chain{{Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
		calls = append(calls, x)
		return gateway.Verdict{}, nil
	})}}
	h.outgoing = h.incoming
	ctx, end := context.WithCancel(t.Context())
	envelope := &gateway.Envelope{ReversePath: "anne@example.com", Recipients: []gateway.Recipient{{Path: "dev@lists.example.com"}}}
	h.intake.Message(ctx, gateway.Client{}, envelope, strings.NewReader(hello))
	end()
	h.settle()
	if len(calls) != 2 {
		t.Fatalf("%d calls", len(calls))
	}
	for _, x := range calls {
		if policy, _ := x.Lookup("auth.dmarc.policy"); policy != "reject" {
			t.Errorf("in phase %d the policy is %q", x.Phase, policy)
		}
	}
}

// patient is a DNS that answers as long as someone waits.
type patient struct{ dns }

func (p patient) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return p.dns.LookupTXT(ctx, name)
}

// asked keeps what it is asked.
type asked struct {
	dns
	names []string
}

func (a *asked) LookupTXT(ctx context.Context, name string) ([]string, error) {
	a.names = append(a.names, name)
	return a.dns.LookupTXT(ctx, name)
}
