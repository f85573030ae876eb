package pipeline

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// hand hands a message in for one recipient with what it wants to be told.
func (h *house) hand(from gateway.ReversePath, to gateway.Recipient) {
	h.t.Helper()
	envelope := &gateway.Envelope{ReversePath: from, Recipients: []gateway.Recipient{to}, EnvelopeID: "E1", Return: gateway.ReturnFull}
	for _, status := range h.intake.Message(h.t.Context(), gateway.Client{Peer: "mta.example.com"}, envelope, strings.NewReader(hello)) {
		if status.Class() != gateway.Success {
			h.t.Fatal(status)
		}
	}
}

var reportFields = regexp.MustCompile(`(?m)^(Original-Envelope-Id|Original-Recipient|Final-Recipient|Action|Status): (.*)\r$`)

// reports are the DSNs among what was sent: whom to, and of what.
func (h *house) reportsSent() (all []string) {
	for _, c := range h.sent {
		if c.from != "" || !strings.Contains(c.content, "report-type=delivery-status") {
			continue
		}
		text := "to " + c.to[0] + ":"
		for _, field := range reportFields.FindAllStringSubmatch(c.content, -1) {
			text += " " + field[2]
		}
		all = append(all, text)
	}
	return all
}

const anyNotify = gateway.NotifySuccess | gateway.NotifyFailure | gateway.NotifyDelay

// Who hears what of mail to forward routes, people behind a list, and lists.
func TestReportsWhereTheyAreWanted(t *testing.T) {
	gone := &gateway.Status{Code: 550, Enhanced: gateway.EnhancedCode{5, 1, 1}, Text: "no such user"}
	const backend = "E1 rfc822; anne+b@example.com rfc822; x@backend.example.com "
	for _, test := range []struct {
		name   string
		from   gateway.ReversePath
		to     gateway.ForwardPath
		notify gateway.Notify
		answer *gateway.Status // of the next hop, nil: accepted
		dsn    bool            // that the next hop offers
		want   []string
	}{
		{"no NOTIFY, success", "anne@example.com", "x@backend.example.com", 0, nil, false, nil},
		{"no NOTIFY, failure", "anne@example.com", "x@backend.example.com", 0, gone, false, []string{"to anne@example.com: " + backend + "failed 5.1.1"}},
		{"NEVER", "anne@example.com", "x@backend.example.com", gateway.NotifyNever, gone, false, nil},
		{"DELAY alone", "anne@example.com", "x@backend.example.com", gateway.NotifyDelay, gone, false, nil},
		{"SUCCESS alone", "anne@example.com", "x@backend.example.com", gateway.NotifySuccess, gone, false, nil},
		{"relayed", "anne@example.com", "x@backend.example.com", gateway.NotifySuccess, nil, false, []string{"to anne@example.com: " + backend + "relayed 2.0.0"}},
		{"the next hop reports", "anne@example.com", "x@backend.example.com", anyNotify, nil, true, nil},
		{"and refused at once", "anne@example.com", "x@backend.example.com", anyNotify, gone, true, []string{"to anne@example.com: " + backend + "failed 5.1.1"}},
		{"relayed, from nobody", "", "x@backend.example.com", gateway.NotifySuccess, nil, false, nil},
		{"failed, from nobody", "", "x@backend.example.com", anyNotify, gone, false, nil},
		{"a post", "anne@example.com", "dev@lists.example.com", gateway.NotifySuccess, nil, false,
			[]string{"to anne@example.com: E1 rfc822; anne+b@example.com rfc822; dev@lists.example.com delivered 2.0.0"}},
		{"a post that wants nothing", "anne@example.com", "dev@lists.example.com", gateway.NotifyFailure, nil, false, nil},
		{"a post from nobody", "", "dev@lists.example.com", gateway.NotifySuccess, nil, false, nil},
		{"to owners", "anne@example.com", "dev-owner@lists.example.com", gateway.NotifySuccess, nil, false,
			[]string{"to anne@example.com: E1 rfc822; anne+b@example.com rfc822; dev-owner@lists.example.com expanded 2.0.0"}},
		{"to owners, without", "anne@example.com", "dev-owner@lists.example.com", 0, nil, false, nil},
		{"to the postmaster", "anne@example.com", "postmaster@gw.example.com", gateway.NotifySuccess, nil, false,
			[]string{"to anne@example.com: E1 rfc822; anne+b@example.com rfc822; site@example.com relayed 2.0.0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t, devList("bart@example.org"))
			h.deliverer.DSN = func(context.Context, string) bool { return test.dsn }
			h.transport = func(d *gateway.Delivery, _ string) []*gateway.Status {
				if test.answer == nil || d.Route == "" {
					return nil
				}
				return []*gateway.Status{test.answer}
			}
			h.hand(test.from, gateway.Recipient{Path: test.to, Notify: test.notify, Original: "rfc822;anne+2Bb@example.com"})
			if later := h.settle(); len(later) > 0 || h.spooled() > 0 {
				t.Errorf("left: %v", later)
			}
			if got := h.reportsSent(); !slices.Equal(got, test.want) {
				t.Errorf("reports %q, want %q", got, test.want)
			}
		})
	}
}

// A report quotes the host that refused by its name, and ourselves as ourselves.
func TestReportsNameTheHost(t *testing.T) {
	for host, want := range map[string]string{
		"mx.example.net": "Remote-MTA: dns; mx.example.net\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n",
		"":               "Status: 5.1.1\r\nDiagnostic-Code: x-mmgw; 550 5.1.1 no such user\r\n",
	} {
		h := newHouse(t, devList())
		h.transport = func(d *gateway.Delivery, _ string) []*gateway.Status {
			if d.Route == "" {
				return nil
			}
			return []*gateway.Status{{Code: 550, Enhanced: gateway.EnhancedCode{5, 1, 1}, Text: "no such user", Host: host}}
		}
		h.hand("anne@example.com", gateway.Recipient{Path: "x@backend.example.com"})
		h.settle()
		if len(h.sent) != 1 || !strings.Contains(h.sent[0].content, want) {
			t.Errorf("%q: sent %+v", host, h.sent)
		}
	}
}

// What the sender asked for goes on with the mail, and with no copy of a post.
func TestDSNParametersGoOn(t *testing.T) {
	h := newHouse(t, devList("bart@example.org"))
	var got []string
	h.transport = func(d *gateway.Delivery, _ string) []*gateway.Status {
		if !d.ReversePath.IsNull() {
			r := d.Recipients[0]
			got = append(got, strings.Join([]string{string(r.Path), d.Envelope.EnvelopeID, string(d.Envelope.Return), r.Original, string('0' + rune(r.Notify))}, " "))
		}
		return nil
	}
	for _, to := range []gateway.ForwardPath{"x@backend.example.com", "postmaster@gw.example.com", "dev@lists.example.com", "dev-owner@lists.example.com"} {
		h.hand("anne@example.com", gateway.Recipient{Path: to, Notify: gateway.NotifySuccess, Original: "rfc822;o@example.com"})
		h.settle()
	}
	want := []string{
		"x@backend.example.com E1 FULL rfc822;o@example.com 2", "site@example.com E1 FULL rfc822;o@example.com 2",
		"bart@example.org    0", "owner@example.com    0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("went on as %q, want %q", got, want)
	}
}

// A delay is reported once, after some hours, and the end all the same.
func TestDelayIsReportedOnce(t *testing.T) {
	for _, test := range []struct {
		from   gateway.ReversePath
		to     gateway.ForwardPath
		notify gateway.Notify
		want   []string // actions
	}{
		{"anne@example.com", "x@backend.example.com", 0, []string{"delayed 4.7.1", "failed 5.4.7"}},
		{"anne@example.com", "x@backend.example.com", gateway.NotifyDelay, []string{"delayed 4.7.1"}},
		{"anne@example.com", "x@backend.example.com", gateway.NotifyFailure, []string{"failed 5.4.7"}},
		{"", "x@backend.example.com", 0, nil},
		{"anne@example.com", "dev@lists.example.com", anyNotify, []string{"delivered 2.0.0"}}, // of the list alone
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, devList("bart@example.org"))
			h.intake.Expiry = 6 * time.Hour
			h.transport = func(d *gateway.Delivery, _ string) []*gateway.Status {
				if d.ReversePath.IsNull() && test.from != "" {
					return nil
				}
				return []*gateway.Status{{Code: 451, Enhanced: gateway.EnhancedCode{4, 7, 1}, Text: "later"}}
			}
			begun := time.Now()
			delayed := slices.ContainsFunc(test.want, func(s string) bool { return strings.HasPrefix(s, "delayed") })
			h.hand(test.from, gateway.Recipient{Path: test.to, Notify: test.notify})
			for later := h.settle(); len(later) > 0; later = h.settle() {
				if strings.Contains(strings.Join(h.reportsSent(), ""), "delayed") != (delayed && !later[0].Due.Before(begun.Add(delayedAfter))) {
					t.Errorf("%+v: after %v, next after %v: reports %q", test, time.Since(begun), later[0].Due.Sub(begun), h.reportsSent())
				}
				time.Sleep(time.Until(later[0].Due))
				h.entries = later
			}
			var got []string
			for _, text := range h.reportsSent() {
				words := strings.Fields(text)
				got = append(got, strings.Join(words[len(words)-2:], " "))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%+v: reported %q", test, got)
			}
		})
	}
}

// A bounce of a bounce goes to the owner of the site who wants it, and never on
// from there.
func TestDoubleBounces(t *testing.T) {
	gone := &gateway.Status{Code: 550, Enhanced: gateway.EnhancedCode{5, 1, 1}, Text: "no such user"}
	for _, test := range []struct {
		double    bool
		ownerGone bool
		want      []string
	}{
		{false, false, nil},
		{true, false, []string{"to site@example.com: E1 rfc822; x@backend.example.com failed 5.1.1"}},
		{true, true, nil},
	} {
		h := newHouse(t, devList())
		h.reports.Double = test.double
		h.transport = func(d *gateway.Delivery, _ string) []*gateway.Status {
			if d.Route != "" || test.ownerGone {
				return []*gateway.Status{gone}
			}
			return nil
		}
		h.hand("", gateway.Recipient{Path: "x@backend.example.com"})
		h.settle()
		if got := h.reportsSent(); !slices.Equal(got, test.want) || h.spooled() != 0 {
			t.Errorf("%+v: reports %q, %d left", test, got, h.spooled())
		}
		for _, c := range h.sent {
			if !strings.Contains(c.content, "Subject: A message that has no sender could not be delivered\r\n") {
				t.Errorf("the owner is told %q", c.content)
			}
		}
	}
	h := newHouse(t, devList())
	h.reports.Double = true
	h.transport = func(d *gateway.Delivery, _ string) []*gateway.Status {
		if d.Route != "" || d.Recipients[0].Path == "anne@example.com" {
			return []*gateway.Status{gone}
		}
		return nil
	}
	h.hand("anne@example.com", gateway.Recipient{Path: "x@backend.example.com"})
	h.settle()
	if got := h.reportsSent(); len(got) != 1 || !strings.HasPrefix(got[0], "to site@example.com: rfc822; anne@example.com failed") {
		t.Errorf("of a bounce that bounced: %q", got)
	}
}

// Of what is under way while its message is dropped, or given up with a report of
// its own, nobody is told.
func TestNoReportOfWhatIsDropped(t *testing.T) {
	gone := &gateway.Status{Code: 550, Enhanced: gateway.EnhancedCode{5, 1, 1}, Text: "no such user"}
	for _, answer := range []*gateway.Status{gone, gateway.Accepted} {
		h := newHouse(t, devList())
		h.hand("anne@example.com", gateway.Recipient{Path: "x@backend.example.com", Notify: anyNotify})
		if err := h.expander.Expand(t.Context(), h.entries[0]); err != nil {
			t.Fatal(err)
		}
		batch := h.entries[1]
		h.entries = nil
		h.transport = func(d *gateway.Delivery, _ string) []*gateway.Status {
			if d.Route == "" {
				return nil
			}
			if err := h.spool.Drop(batch.Message); err != nil {
				t.Error(err)
			}
			return []*gateway.Status{answer}
		}
		if _, left, err := h.deliverer.Deliver(t.Context(), batch, nil); left || !errors.Is(err, gateway.ErrNotSpooled) {
			t.Errorf("left %v: %v", left, err)
		}
		if later := h.settle(); len(later) > 0 || len(h.reportsSent()) > 0 {
			t.Errorf("%v: reports %q, left %v", answer, h.reportsSent(), later)
		}
	}
}
