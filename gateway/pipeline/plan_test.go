package pipeline

import (
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
		b, err := testExpansion(t).batch(c.plan, c.members)
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
		if b, err := testExpansion(t).batch(plan, people("a@x.org")); err == nil {
			t.Errorf("%s: %s", name, describe(b))
		}
	}
}

func TestPlanTimes(t *testing.T) {
	x := testExpansion(t)
	later := time.Now().Add(30 * time.Minute)
	b, err := x.batch(gateway.Plan{NotBefore: later, Expires: x.expires.Add(time.Hour), Priority: 5}, people("a@x.org"))
	if err != nil || !b.Due.Equal(later) || !b.Expires.Equal(x.expires) || b.Priority != -5 {
		t.Errorf("due %v, expires %v, priority %d, %v", b.Due, b.Expires, b.Priority, err)
	}
}
