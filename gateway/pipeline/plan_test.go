package pipeline

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/verp"
)

func testExpansion(t *testing.T) *expansion {
	t.Helper()
	x := exchange(t)
	return &expansion{
		Expander: &Expander{VERP: &verp.Codec{Format: verp.Mailman}, RecipientsMax: 3},
		m:        x.Message, leg: x.Leg, expires: time.Now().Add(time.Hour),
		list: &gateway.List{ID: "dev.lists.example.com", Address: "dev@lists.example.com"},
	}
}

func people(paths ...gateway.ForwardPath) []gateway.Recipient {
	all := make([]gateway.Recipient, len(paths))
	for i, path := range paths {
		all[i].Path = path
	}
	return all
}

func TestPlansBecomeDeliveries(t *testing.T) {
	null := gateway.ReversePath("")
	never := gateway.NotifyNever
	for _, c := range []struct {
		name    string
		plan    gateway.Plan
		members []gateway.Recipient
		want    string
	}{
		{"chunks of the site's size", gateway.Plan{}, people("a@x.org", "b@y.org", "c@x.org", "d@y.org"), `
			dev-bounces@lists.example.com -> a@x.org b@y.org c@x.org
			dev-bounces@lists.example.com -> d@y.org`},
		{"smaller chunks", gateway.Plan{RecipientsMax: 1}, people("a@x.org", "b@y.org"), `
			dev-bounces@lists.example.com -> a@x.org
			dev-bounces@lists.example.com -> b@y.org`},
		{"no larger chunks than the site's", gateway.Plan{RecipientsMax: 9}, people("a@x.org", "b@y.org", "c@x.org", "d@y.org"), `
			dev-bounces@lists.example.com -> a@x.org b@y.org c@x.org
			dev-bounces@lists.example.com -> d@y.org`},
		{"by domain", gateway.Plan{ByDomain: true}, people("a@x.org", "b@y.org", "c@x.org"), `
			dev-bounces@lists.example.com -> a@x.org c@x.org
			dev-bounces@lists.example.com -> b@y.org`},
		{"UTF-8 apart", gateway.Plan{}, people("a@x.org", "ü@y.org", "c@x.org"), `
			dev-bounces@lists.example.com -> a@x.org c@x.org
			dev-bounces@lists.example.com -> ü@y.org`},
		{"VERP", gateway.Plan{VERP: true}, people("a@x.org", "b@y.org"), `
			dev-bounces+a=x.org@lists.example.com -> a@x.org
			dev-bounces+b=y.org@lists.example.com -> b@y.org`},
		{"another reverse-path", gateway.Plan{ReversePath: &null}, people("a@x.org"), `
			 -> a@x.org`},
		{"a route", gateway.Plan{Route: "bulk"}, people("a@x.org"), `
			dev-bounces@lists.example.com -> a@x.org via bulk`},
		{"one apart", gateway.Plan{Recipients: map[int]gateway.RecipientPlan{1: {ReversePath: "r-{member.local}@x.org", Header: map[string]string{"X-For": "{member}"}}}},
			people("a@x.org", "b@y.org", "c@x.org"), `
			r-b@x.org -> b@y.org [insert X-For: b@y.org]
			dev-bounces@lists.example.com -> a@x.org c@x.org`},
		{"one redirected, one removed", gateway.Plan{Recipients: map[int]gateway.RecipientPlan{0: {Redirect: "z@z.org", Notify: &never}, 1: {Removed: true}}},
			people("a@x.org", "b@y.org"), `
			dev-bounces@lists.example.com -> z@z.org`},
	} {
		b, err := testExpansion(t).batch(t.Context(), c.plan, c.members)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got, want := describe(b), strings.ReplaceAll(c.want, "\t", ""); got != want {
			t.Errorf("%s: got%s\nwant%s", c.name, got, want)
		}
	}
}

func describe(b *gateway.Batch) string {
	var text strings.Builder
	for _, d := range b.Deliveries {
		fmt.Fprintf(&text, "\n%s ->", string(d.ReversePath))
		for _, r := range d.Recipients {
			fmt.Fprintf(&text, " %s", string(r.Path))
		}
		if d.XVERP != "" {
			fmt.Fprintf(&text, " XVERP=%s", d.XVERP)
		}
		if d.Route != "" {
			fmt.Fprintf(&text, " via %s", d.Route)
		}
		for _, e := range d.Edits {
			fmt.Fprintf(&text, " [%s]", e)
		}
	}
	return text.String()
}

func TestBadPlans(t *testing.T) {
	for name, own := range map[string]gateway.RecipientPlan{
		"reverse-path": {ReversePath: "{member}> SIZE=1"},
		"header name":  {Header: map[string]string{"X Y": "z"}},
		"header value": {Header: map[string]string{"X": "a\r\nBcc: b@x.org"}},
	} {
		plan := gateway.Plan{Recipients: map[int]gateway.RecipientPlan{0: own}}
		if b, err := testExpansion(t).batch(t.Context(), plan, people("a@x.org")); err == nil {
			t.Errorf("%s: %s", name, describe(b))
		}
	}
}

func TestPlanTimes(t *testing.T) {
	x := testExpansion(t)
	later := time.Now().Add(30 * time.Minute)
	b, err := x.batch(t.Context(), gateway.Plan{NotBefore: later, Expires: x.expires.Add(time.Hour), Priority: 5}, people("a@x.org"))
	if err != nil || !b.Due.Equal(later) || !b.Expires.Equal(x.expires) || b.Priority != -5 {
		t.Errorf("due %v, expires %v, priority %d, %v", b.Due, b.Expires, b.Priority, err)
	}
}

// Where the next hop adds members to a reverse-path, those who can share one do,
// and nothing that is one member's own is lost.
func TestOffload(t *testing.T) {
	null := gateway.ReversePath("")
	members := people("a@x.org", "b+c@x.org", "\"d e\"@x.org", "f=g@x.org", "ü@x.org", "h@y.org", "i@y.org", "j@x.org")
	shares := map[gateway.ForwardPath]bool{"a@x.org": true, "h@y.org": true, "i@y.org": true, "j@x.org": true}
	for _, c := range []struct {
		name   string
		format verp.Form
		plan   gateway.Plan
		shared int // transactions, of the members above
		alone  bool
	}{
		{"signed", verp.Signed, gateway.Plan{VERP: true}, 2, false},
		{"Mailman's form", verp.Mailman, gateway.Plan{VERP: true}, 2, false},
		{"by domain", verp.Signed, gateway.Plan{VERP: true, ByDomain: true}, 2, false},
		{"one a transaction", verp.Signed, gateway.Plan{VERP: true, RecipientsMax: 1}, 4, false},
		{"a template", verp.Signed, gateway.Plan{VERP: true, Edits: []gateway.Edit{{Op: gateway.InsertField, Name: "X", Value: "{member}", Template: true}}}, 0, true},
		{"the planner's reverse-path", verp.Signed, gateway.Plan{VERP: true, ReversePath: &null}, 0, true},
	} {
		x := testExpansion(t)
		x.VERP = &verp.Codec{Format: c.format, Keys: []verp.Key{verp.NewKey()}}
		x.Remember = func(gateway.ListID, gateway.ForwardPath, string) error { return nil }
		x.XVERP = func(_ context.Context, route string) bool { return route == "" }
		b, err := x.batch(t.Context(), c.plan, members)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		shared, seen := 0, 0
		for _, d := range b.Deliveries {
			seen += len(d.Recipients)
			if d.XVERP == "" {
				if to := d.Recipients[0].Path; len(d.Recipients) != 1 || shares[to] && !c.alone {
					t.Errorf("%s: %s is alone", c.name, to)
				}
				continue
			}
			shared++
			if d.ReversePath != x.VERP.EncodeShared(x.list) || d.XVERP != "+=" {
				t.Errorf("%s: from %s XVERP=%s", c.name, d.ReversePath, d.XVERP)
			}
			for _, r := range d.Recipients {
				if !shares[r.Path] {
					t.Errorf("%s: %s shares", c.name, r.Path)
				}
			}
		}
		if shared != c.shared || seen != len(members) {
			t.Errorf("%s: %d shared transactions, %d recipients:%s", c.name, shared, seen, describe(b))
		}
		x.XVERP = func(context.Context, string) bool { return false }
		if b, err = x.batch(t.Context(), c.plan, members); err != nil || len(b.Deliveries) != len(members) {
			t.Errorf("%s: %d deliveries to a host that does not, %v", c.name, len(b.Deliveries), err)
		}
	}
}
