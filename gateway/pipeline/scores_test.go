package pipeline

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/roster"
)

const dev = gateway.ListID("dev.lists.example.com")

// report is a bounce of anne's mail.
func report(fields string) string {
	return "From: mailer-daemon@example.com\r\nSubject: failed\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" +
		"--b\r\n\r\nfailed\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; example.com\r\n\r\n" +
		"Final-Recipient: rfc822; anne@example.com\r\n" + fields + "\r\n\r\n--b--\r\n"
}

var dead = report("Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user")

// come has a message come to a -bounces address on a day of the calendar, and
// everything go out that follows. It says whether the owners are to see it.
func (h *house) come(day int, to gateway.ReversePath, text string) (owners bool) {
	h.t.Helper()
	_, detail, ok := h.scores.VERP.Split(gateway.ForwardPath(to))
	if !ok {
		h.t.Fatalf("%s is not a -bounces address", to)
	}
	m := &gateway.Message{Received: onDay(day), Content: gateway.Bytes(text)}
	bounces := &Bounces{Scores: h.scores, ToOwners: !h.discards}
	owners, err := bounces.Handle(h.t.Context(), m, &gateway.Leg{Service: gateway.Bounces, List: dev, Details: []string{detail}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.settle()
	return owners
}

func onDay(day int) time.Time { return time.Date(2026, 3, 1+day, 12, 0, 0, 0, time.UTC) }

// took returns the copies since the last call.
func (h *house) took() []copyOf {
	sent := h.sent
	h.sent = nil
	return sent
}

func (h *house) member(path gateway.ForwardPath) roster.MemberRow {
	h.t.Helper()
	row, err := h.roster.Member(dev, path)
	if err != nil {
		h.t.Fatal(err)
	}
	return row
}

// posted returns the reverse-path of anne's copy of a new post, "" if she gets
// none.
func (h *house) posted() gateway.ReversePath {
	h.t.Helper()
	h.post("anne@example.com", "X-Nonce: "+rand.Text()+"\r\n"+hello, "dev@lists.example.com")
	h.settle()
	for _, c := range h.took() {
		if c.to[0] == "anne@example.com" {
			return c.from
		}
	}
	return ""
}

// The life of a member whose mailbox died.
func TestMailboxDies(t *testing.T) {
	h := newHouse(t, devList("anne@example.com", "bart@example.org"))
	from := h.posted()
	for day := range 4 {
		if h.come(day, from, dead); len(h.sent) != 0 || h.member("anne@example.com").Score != float64(day+1) {
			t.Fatalf("day %d: %+v, %+v", day, h.member("anne@example.com"), h.sent)
		}
	}
	h.come(4, from, dead)
	probe := h.took()
	if len(probe) != 1 || probe[0].to[0] != "anne@example.com" || probe[0].from == from || !strings.Contains(probe[0].content, "message/rfc822") {
		t.Fatalf("the probe: %+v", probe)
	}
	if row := h.member("anne@example.com"); row.Disabled || row.Score != 0 || row.Bounce.Status != "5.1.1" || row.Bounce.Count != 5 {
		t.Fatalf("when the probe is out: %+v", row)
	}

	h.come(5, probe[0].from, dead)
	told := h.took()
	if len(told) != 1 || told[0].to[0] != "owner@example.com" || told[0].from != "" || !strings.Contains(told[0].content, "550 5.1.1 no such user") {
		t.Fatalf("the owner was told: %+v", told)
	}
	if row := h.member("anne@example.com"); !row.Disabled || !row.Bounce.Disabled {
		t.Fatalf("after the probe's bounce: %+v", row)
	}
	if from := h.posted(); from != "" {
		t.Error("a disabled member gets posts")
	}

	for _, day := range []int{6, 13, 20} {
		h.scores.Due(t.Context(), onDay(day), time.Time{})
		h.scores.Due(t.Context(), onDay(day+3), onDay(day+3)) // nothing: it is not time
		h.settle()
		if warned := h.took(); len(warned) != 1 || warned[0].to[0] != "anne@example.com" || warned[0].from != "" {
			t.Fatalf("day %d: the member was warned: %+v", day, warned)
		}
	}
	for _, surely := range []time.Time{{}, onDay(23)} { // nobody is removed by a clock that is ahead
		h.scores.Due(t.Context(), onDay(4000), surely)
		h.settle()
		if _, err := h.roster.Member(dev, "anne@example.com"); err != nil || len(h.took()) > 0 {
			t.Fatalf("a clock that is ahead, surely %v: %v", surely, err)
		}
	}
	h.scores.Due(t.Context(), onDay(27), onDay(27))
	h.settle()
	if told := h.took(); len(told) != 1 || told[0].to[0] != "owner@example.com" {
		t.Errorf("the owner was told of the end: %+v", told)
	}
	if _, err := h.roster.Member(dev, "anne@example.com"); !errors.Is(err, roster.ErrUnknownMember) {
		t.Errorf("the membership has not ended: %v", err)
	}
}

// Of a post that the next hop takes for nobody the owners are told, once, and no
// member is booked for it; nor is a bounce that was posted told of.
func TestPostRefused(t *testing.T) {
	h := newHouse(t, devList("anne@example.com", "bart@example.org"))
	h.transport = func(d *gateway.Delivery, _ string) []*gateway.Status {
		if d.Recipients[0].Path == "owner@example.com" {
			return nil
		}
		return []*gateway.Status{{Code: 552, Enhanced: gateway.EnhancedCode{5, 3, 4}, Text: "Message too big"}}
	}
	for _, subject := range []string{"one", "another"} {
		h.post("anne@example.com", "Subject: "+subject+"\r\n"+hello, "dev@lists.example.com")
		h.settle()
		told := h.took()
		if len(told) != 1 || told[0].to[0] != "owner@example.com" || told[0].from != "" {
			t.Fatalf("%s: the owner was told: %+v", subject, told)
		}
		for _, text := range []string{"a post did not reach its members", "  " + subject, "552 5.3.4 Message too big", "message/rfc822"} {
			if !strings.Contains(told[0].content, text) {
				t.Errorf("%s: %q is not in\n%s", subject, text, told[0].content)
			}
		}
	}
	if row := h.member("anne@example.com"); row.Score != 0 || row.Bounce.Count != 0 {
		t.Errorf("a member was booked: %+v", row)
	}
	h.post("", "Subject: x\r\n"+hello, "dev@lists.example.com")
	if h.settle(); len(h.sent) != 0 {
		t.Errorf("of a bounce: %+v", h.sent)
	}
}

// Who joins again by mail while bounces have it disabled, as the reminders say,
// gets posts again, whoever may join the list.
func TestDisabledMemberJoinsAgain(t *testing.T) {
	for _, subscribe := range []string{gateway.SubscribeConfirm, gateway.SubscribeModerated, gateway.SubscribeClosed} {
		t.Run(subscribe, func(t *testing.T) {
			list := devList("anne@example.com")
			list.List.Subscribe = subscribe
			h := newHouse(t, list)
			h.scores.Rules.Probe, h.scores.Rules.Threshold = false, 1
			from := h.posted()
			h.come(0, from, dead)
			if h.took(); !h.member("anne@example.com").Disabled {
				t.Fatal("without probes the threshold disables")
			}
			h.post("anne@example.com", letter("anne@example.com", "x", ""), "dev-join@lists.example.com")
			want(t, h.answers(), "anne@example.com: confirm *")
			h.post("anne@example.com", letter("anne@example.com", "y", ""), replyTo(t, h.sent[0]))
			want(t, h.answers(), "anne@example.com: Your message to dev-request@lists.example.com")
			if text := textOf(t, h.sent[0]); !strings.Contains(text, "anne@example.com gets the posts of dev@lists.example.com again") {
				t.Error(text)
			}
			h.took()
			if row := h.member("anne@example.com"); row.Disabled || row.Score != 0 || h.posted() == "" {
				t.Errorf("she joined again: %+v", row)
			}
		})
	}
}

// What is said of the message, of a delay or by a machine says nothing of the
// member; what names nobody goes to the owners.
func TestBouncesThatDoNotCount(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	h.scores.Rules.Threshold = 1
	from := h.posted()
	plain := gateway.ReversePath("dev-bounces@lists.example.com")
	for name, c := range map[string]struct {
		to     gateway.ReversePath
		text   string
		owners bool
	}{
		"DMARC":                       {from, report("Action: failed\r\nStatus: 5.7.26"), false},
		"spam":                        {from, report("Action: failed\r\nStatus: 5.0.0\r\nDiagnostic-Code: smtp; 554 5.7.1 spam"), false},
		"a delay":                     {from, report("Action: delayed\r\nStatus: 4.4.1"), false},
		"a success":                   {from, report("Action: delivered\r\nStatus: 2.0.0"), true},
		"a vacation note":             {from, "From: anne@example.com\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.\r\n", false},
		"a challenge":                 {from, "From: anne@example.com\r\nAuto-Submitted: auto-replied\r\nSubject: please confirm\r\n\r\nx\r\n", false},
		"a person":                    {from, "From: anne@example.com\r\n\r\nhi\r\n", true},
		"of no member":                {plain, strings.ReplaceAll(dead, "anne@", "carl@"), true},
		"a forged tag":                {from[:20] + "aaaa" + from[24:], dead, true},
		"unsigned, of a name":         {"dev-bounces+anne=example.com@lists.example.com", dead, true},
		"a complaint without address": {plain, "Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n", true},
	} {
		if owners := h.come(0, c.to, c.text); owners != c.owners {
			t.Errorf("%s: the owners see it: %v", name, owners)
		}
		h.discards = true
		if h.come(0, c.to, c.text) {
			t.Errorf("%s: the owners see it, and do not want to", name)
		}
		h.discards = false
		if row, sent := h.member("anne@example.com"), h.took(); row.Score != 0 || row.Bounce.Count != 0 || len(sent) != 0 {
			t.Errorf("%s: %+v, %+v", name, row, sent)
		}
	}
}

// What anyone can write scores, and disables nobody: it takes a probe, though
// the site wants none.
func TestWeakBouncesTakeAProbe(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	h.scores.Rules.Probe = false
	list := devList().List
	shared := h.scores.VERP.EncodeShared(&list)
	xverp := gateway.ReversePath(shared.Local() + "+anne=example.com@lists.example.com")
	for day, to := range []gateway.ReversePath{xverp, "dev-bounces@lists.example.com", xverp, "dev-bounces@lists.example.com", xverp} {
		h.come(day, to, dead)
	}
	probe := h.took()
	if row := h.member("anne@example.com"); row.Disabled || row.Bounce.Count != 5 || len(probe) != 1 || probe[0].to[0] != "anne@example.com" {
		t.Fatalf("%+v, %+v", row, probe)
	}
	h.come(5, xverp, dead)
	if h.member("anne@example.com").Disabled {
		t.Fatal("a weak bounce disabled her")
	}
	if h.come(6, probe[0].from, dead); !h.member("anne@example.com").Disabled {
		t.Error("the probe's bounce did not disable her")
	}
}

// A probe that the upstream refuses at once is its bounce.
func TestRefusedProbeDisables(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	h.scores.Rules.Threshold = 1
	from := h.posted()
	h.transport = func(d *gateway.Delivery, _ string) []*gateway.Status {
		if d.Recipients[0].Path == "anne@example.com" {
			return []*gateway.Status{{Code: 550, Enhanced: gateway.EnhancedCode{5, 1, 1}, Text: "no such user"}}
		}
		return nil
	}
	h.come(0, from, dead)
	if told := h.took(); !h.member("anne@example.com").Disabled || len(told) != 1 || told[0].to[0] != "owner@example.com" {
		t.Errorf("%+v, %+v", h.member("anne@example.com"), told)
	}
}

// A complaint ends exactly one membership: that of the signed reverse-path.
func TestComplaint(t *testing.T) {
	h := newHouse(t, devList("anne@example.com", "bart@example.org"))
	from := h.posted()
	complaint := func(fields string) string {
		return "From: fbl@example.com\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n\r\nabuse\r\n" +
			"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n" + fields + "\r\n--b--\r\n"
	}
	unsigned := complaint("Original-Rcpt-To: bart@example.org\r\n")
	if owners := h.come(0, "dev-bounces@lists.example.com", unsigned); !owners || h.member("bart@example.org").Left {
		t.Error("anyone can end a membership")
	}
	// It names bart, and came to anne's address: it is anne's.
	if owners := h.come(0, from, unsigned); owners {
		t.Error("the owners get it as unrecognised")
	}
	if _, err := h.roster.Member(dev, "anne@example.com"); !errors.Is(err, roster.ErrUnknownMember) || h.member("bart@example.org").Left {
		t.Errorf("not exactly anne: %v", err)
	}
	if told := h.took(); len(told) != 1 || told[0].to[0] != "owner@example.com" {
		t.Errorf("the owner was told: %+v", told)
	}
	// By the reverse-path of the post in it.
	if _, err := h.roster.AddMember(dev, gateway.Recipient{Path: "anne@example.com"}); err != nil {
		t.Fatal(err)
	}
	h.come(1, "dev-bounces@lists.example.com", complaint("Original-Mail-From: <"+string(from)+">\r\n"))
	if _, err := h.roster.Member(dev, "anne@example.com"); !errors.Is(err, roster.ErrUnknownMember) {
		t.Errorf("by the post's reverse-path: %v", err)
	}
}

// A hundred bounces of a day are one point, and nothing goes out.
func TestBounceStorm(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	from := h.posted()
	for range 100 {
		h.come(0, from, dead)
	}
	if row, sent := h.member("anne@example.com"), h.took(); row.Score != 1 || row.Bounce.Count != 100 || len(sent) != 0 {
		t.Errorf("%+v, %d sent", row, len(sent))
	}
}

// What we send about bounces has a null reverse-path: if it fails, that is the
// end of it.
func TestNoticesDoNotBounce(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	h.scores.Rules.Threshold, h.scores.Rules.Probe = 1, false
	from := h.posted()
	h.transport = func(*gateway.Delivery, string) []*gateway.Status {
		return []*gateway.Status{{Code: 550, Enhanced: gateway.EnhancedCode{5, 1, 1}, Text: "no such user"}}
	}
	h.come(0, from, dead)
	h.scores.Due(t.Context(), onDay(1), onDay(1))
	if h.settle(); len(h.took()) != 0 || h.spooled() != 0 {
		t.Errorf("%d are spooled", h.spooled())
	}
}

// A provider that refuses all its users at once does not fill the mailboxes of
// the owners; every membership ends as if they were told.
func TestOwnersAreToldOfSomeBounces(t *testing.T) {
	var members []gateway.ForwardPath
	for i := range bounceNoticesPerList + 5 {
		members = append(members, gateway.ForwardPath(fmt.Sprintf("m%d@example.com", i)))
	}
	h := newHouse(t, devList(members...))
	for _, member := range members {
		if err := h.scores.Complained(t.Context(), dev, member, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := h.roster.Member(dev, member); !errors.Is(err, roster.ErrUnknownMember) {
			t.Errorf("%s is a member still: %v", member, err)
		}
	}
	h.settle()
	if told := h.took(); len(told) != bounceNoticesPerList {
		t.Errorf("the owner was told %d times", len(told))
	}
}
