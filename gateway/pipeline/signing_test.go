package pipeline

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
	"github.com/mmgw/mmgw/gateway/dsn"
)

// testSigner signs for the lists of the fixture, and for its site.
func testSigner(t *testing.T) (*authres.Signer, *dkim.VerifyOptions) {
	t.Helper()
	s := &authres.Signer{ID: "gw.example.com"}
	records := map[string]string{}
	for _, k := range []authres.Key{{Domain: "lists.example.com", Selector: "r"}, {Domain: "lists.example.com", Selector: "e"}, {Domain: "example.com", Selector: "s"}} {
		var err error
		if k.PrivateKey, err = authres.NewPrivateKey(map[string]string{"r": authres.RSA, "e": authres.Ed25519, "s": authres.Ed25519}[k.Selector]); err != nil {
			t.Fatal(err)
		}
		s.Keys = append(s.Keys, k)
		if records[authres.RecordName(k.Domain, k.Selector)], err = k.Record(); err != nil {
			t.Fatal(err)
		}
	}
	return s, &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) { return []string{records[name]}, nil }}
}

// verified are the domains whose signatures hold on a copy, by the library
// that did not sign it.
func verified(t *testing.T, content string, options *dkim.VerifyOptions) (domains []string) {
	t.Helper()
	found, err := dkim.VerifyWithOptions(strings.NewReader(content), options)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		if v.Err != nil {
			t.Errorf("%s: %v in\n%s", v.Domain, v.Err, content)
		}
		domains = append(domains, v.Domain)
	}
	return domains
}

// TestSigned holds that copies leave signed for the list's domain after all
// edits, with as many different signatures as there are different fields under
// them, and that the body is hashed once for all batches.
func TestSigned(t *testing.T) {
	var all []gateway.ForwardPath
	for i := range gateway.BatchRecipientsMax + 10 { // two batches
		all = append(all, gateway.ForwardPath(fmt.Sprintf("m%04d@example.net", i)))
	}
	signer, options := testSigner(t)
	for _, c := range []struct {
		name       string
		members    []gateway.ForwardPath
		edit       gateway.Edit
		copies     int
		signatures int // different ones
	}{
		{"the same for all", all, gateway.Edit{Op: gateway.InsertField, Name: "X-List", Value: "dev"}, 11, 2},
		{"a field of each copy that is not signed", all[:40], gateway.Edit{Op: gateway.InsertField, Name: "X-Member", Value: "{member}", Template: true}, 40, 2},
		{"a field of each copy that is signed", all[:40], gateway.Edit{Op: gateway.InsertField, Name: "List-Unsubscribe", Value: "<mailto:{member}>", Template: true}, 40, 40},
	} {
		h := newHouse(t, devList(c.members...))
		h.deliverer.Signer = signer
		h.plan = func(*gateway.Exchange) (gateway.Plan, error) {
			return gateway.Plan{Edits: []gateway.Edit{c.edit}}, nil
		}
		if replies := h.post("anne@example.com", hello, "dev@lists.example.com"); replies[0] != accepted {
			t.Fatal(replies)
		}
		h.settle()
		different := map[gateway.Field]bool{}
		for i, sent := range h.sent {
			draft, err := gateway.OpenDraft(gateway.Bytes(sent.content))
			if err != nil || !draft.Header[1].Is("DKIM-Signature") {
				t.Fatalf("%v in\n%s", err, sent.content)
			}
			different[draft.Header[1]] = true // of Ed25519, which is the same for the same
			if i%10 == 0 {
				if got := verified(t, sent.content, options); fmt.Sprint(got) != "[lists.example.com lists.example.com]" {
					t.Errorf("%s: signed for %v", c.name, got)
				}
			}
		}
		if len(h.sent) != c.copies || len(different) > c.signatures || c.signatures > 2 && len(different) < c.signatures {
			t.Errorf("%s: %d copies with %d signatures, want %d with %d", c.name, len(h.sent), len(different), c.copies, c.signatures)
		}
		if len(h.deliverer.bodies.known) != 1 {
			t.Errorf("%s: %d bodies hashed", c.name, len(h.deliverer.bodies.known))
		}
	}
}

// TestMemo holds that a body is hashed once for all of a post's copies.
func TestMemo(t *testing.T) {
	var m memo[int, int]
	made := 0
	for i := range 3 * memoMax {
		v, err := m.get(i/10, func() (int, error) { made++; return i / 10, nil })
		if err != nil || v != i/10 {
			t.Fatalf("%d is %d, %v", i/10, v, err)
		}
	}
	if made != 3*memoMax/10 || len(m.known) > memoMax {
		t.Errorf("made %d times, %d are kept", made, len(m.known))
	}
	_, err := m.get(-1, func() (int, error) { return 0, io.ErrUnexpectedEOF })
	if v, err2 := m.get(-1, func() (int, error) { return 7, nil }); err != io.ErrUnexpectedEOF || err2 != nil || v != 7 {
		t.Errorf("an error was kept: %v, %v", v, err2)
	}
}

// TestSignsOwnMail holds that reports of ours are signed for their author's
// domain, and that nobody has us sign in our name what comes from outside.
func TestSignsOwnMail(t *testing.T) {
	h := newHouse(t, devList())
	signer, options := testSigner(t)
	h.deliverer.Signer = signer
	report := dsn.Report{ReportingMTA: "gw.example.com", From: "mailer-daemon@gw.example.com", To: "anne@example.net", Original: gateway.Bytes(hello),
		Recipients: []dsn.Recipient{{Recipient: gateway.Recipient{Path: "x@example.net"}, Action: dsn.Failed, Status: &gateway.Status{Code: 550, Text: "no"}}}}
	if err := h.outbox.Send(t.Context(), []gateway.ForwardPath{"anne@example.net"}, report.Content); err != nil {
		t.Fatal(err)
	}
	h.settle()
	if got := verified(t, h.sent[0].content, options); fmt.Sprint(got) != "[example.com]" {
		t.Errorf("a report is signed for %v", got)
	}
	h.sent = nil
	for _, to := range []gateway.ForwardPath{"dev-owner@lists.example.com", "x@backend.example.com"} {
		h.post("anne@example.com", hello, to)
	}
	h.settle()
	for _, sent := range h.sent {
		if strings.Contains(sent.content, "DKIM-Signature") {
			t.Errorf("mail from outside to %v is signed:\n%s", sent.to, sent.content)
		}
	}
	if len(h.sent) != 2 {
		t.Errorf("%d sent", len(h.sent))
	}
}
