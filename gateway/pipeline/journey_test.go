package pipeline

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/roster"
)

const hello = "From: anne@example.com\r\nSubject: hello\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nhi\r\n"

const accepted = "250 2.0.0 accepted"

func TestPostReachesMembers(t *testing.T) {
	h := newHouse(t, devList("anne@example.com", "bart@example.org"))
	if replies := h.post("anne@example.com", hello, "dev@lists.example.com"); !slices.Equal(replies, []string{accepted}) {
		t.Fatal(replies)
	}
	if later := h.settle(); len(later) > 0 || h.spooled() > 0 {
		t.Errorf("left: %v, %d spooled", later, h.spooled())
	}
	if len(h.sent) != 2 {
		t.Fatalf("%d copies", len(h.sent))
	}
	for _, c := range h.sent {
		if !strings.HasPrefix(string(c.from), "dev-bounces+") || len(c.to) != 1 {
			t.Errorf("from %s to %v", c.from, c.to)
		}
		if !strings.HasSuffix(c.content, hello) {
			t.Errorf("the message was changed: %q", c.content)
		}
		for _, field := range []string{"Authentication-Results: gw.example.com;", "Received: from mta.example.com by gw.example.com (mmgw) with LMTP id "} {
			if !strings.Contains(strings.ReplaceAll(c.content, "\r\n ", " "), field) {
				t.Errorf("no %q in %q", field, c.content)
			}
		}
	}
}

func TestLegs(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	replies := h.post("anne@example.com", hello, "dev@lists.example.com", "dev-owner@lists.example.com", "x@backend.example.com", "dev@lists.example.com")
	if !slices.Equal(replies, []string{accepted, accepted, accepted, accepted}) {
		t.Fatal(replies)
	}
	h.settle()
	var got []string
	for _, c := range h.sent {
		got = append(got, c.to[0]+" "+c.route)
	}
	slices.Sort(got)
	if want := []string{"anne@example.com ", "owner@example.com ", "x@backend.example.com forward backend"}; !slices.Equal(got, want) {
		t.Errorf("sent %q", got)
	}
}

// TestRecordsNameTheModules: whatever becomes of a message, a record says which
// modules it has been through.
func TestRecordsNameTheModules(t *testing.T) {
	status := &gateway.Status{Code: 550, Enhanced: gateway.EnhancedCode{5, 7, 1}, Text: "no"}
	for name, verdict := range map[string]gateway.Verdict{
		"passed":           {},
		"refused":          {Action: gateway.Reject, Status: status},
		"refused for each": {Recipients: map[gateway.RecipientID]gateway.Disposition{0: {Action: gateway.Reject, Status: status}}},
	} {
		var records strings.Builder
		h := newHouse(t, devList("anne@example.com"))
		h.intake.Log = slog.New(slog.NewTextHandler(&records, nil))
		judge := func(x *gateway.Exchange) (gateway.Verdict, error) {
			if x.Phase != gateway.PhaseIncoming {
				return gateway.Verdict{}, nil
			}
			return verdict, nil
		}
		h.incoming = Chain{{Name: "judge", Module: "judge@0123", Handler: handlerFunc(judge)}}
		h.post("anne@example.com", hello, "dev@lists.example.com")
		if !strings.Contains(records.String(), "judge@0123") {
			t.Errorf("%s: %s", name, &records)
		}
	}
}

// forgetful is a roster that cannot read its members.
type forgetful struct{ gateway.Roster }

func (forgetful) Role(gateway.ListID, gateway.ReversePath) (string, error) {
	return "", gateway.Deferred(errors.New("the disk is on fire"))
}

// TestRoleOnlyWhereItIsAsked: who is not known is not refused, and is not looked
// up where anyone may post.
func TestRoleOnlyWhereItIsAsked(t *testing.T) {
	open, closed := devList(), devList()
	open.List.Posting, closed.List.Posting = gateway.PostingAnyone, gateway.PostingMembers
	for want, list := range map[string]roster.FileList{accepted: open, "451 4.3.0 local error, try again later": closed} {
		h := newHouse(t, list)
		h.intake.Roster = forgetful{h.roster}
		if replies := h.post("anne@example.com", hello, "dev@lists.example.com"); !slices.Equal(replies, []string{want}) {
			t.Errorf("%q, want %q", replies, want)
		}
	}
}

func TestUnknownRecipient(t *testing.T) {
	h := newHouse(t, devList())
	for _, to := range []gateway.ForwardPath{"nobody@lists.example.com", "dev@other.example.com", "dev-admin@lists.example.com"} {
		if got := h.post("anne@example.com", hello, to); got[0] != "RCPT: 550 5.1.1 no such recipient here" {
			t.Errorf("%s: %s", to, got)
		}
	}
}

func TestLegsHaveTheirOwnReplies(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	h.incoming = Chain{{Name: "picky", Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
		if x.Phase == gateway.PhaseIncoming && x.Leg.Service == gateway.Post {
			return gateway.Verdict{Action: gateway.Reject, Status: refusal}, nil
		}
		return gateway.Verdict{}, nil
	})}}
	replies := h.post("anne@example.com", hello, "dev@lists.example.com", "dev-owner@lists.example.com")
	if !slices.Equal(replies, []string{"550 5.7.1 no", accepted}) {
		t.Fatal(replies)
	}
	h.settle()
	if len(h.sent) != 1 || h.sent[0].to[0] != "owner@example.com" {
		t.Errorf("sent %+v", h.sent)
	}
}

func TestFailingHandlerLosesNothing(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	h.incoming = Chain{{Name: "bad", Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
		if x.Phase == gateway.PhaseRecipient {
			return gateway.Verdict{}, nil
		}
		return fails(x)
	})}}
	if replies := h.post("anne@example.com", hello, "dev@lists.example.com"); !strings.HasPrefix(replies[0], "451 4.3.0") || h.spooled() != 0 {
		t.Errorf("%s, %d spooled", replies, h.spooled())
	}
	h.incoming = nil
	if replies := h.post("anne@example.com", hello, "dev@lists.example.com"); replies[0] != accepted {
		t.Errorf("the second try: %s", replies)
	}
}

func TestDuplicateIsNotSentTwice(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	for range 2 {
		if replies := h.post("anne@example.com", hello, "dev@lists.example.com"); replies[0] != accepted {
			t.Fatal(replies)
		}
	}
	h.settle()
	if len(h.sent) != 1 {
		t.Errorf("%d copies", len(h.sent))
	}
}

// A deferral of one added recipient defers all, so that the next try of the MTA
// sends nothing twice.
func TestDeferredAdditionRelaysNothing(t *testing.T) {
	ops := devList("bart@example.org")
	ops.List.ID, ops.List.Address = "ops.lists.example.com", "ops@lists.example.com"
	h := newHouse(t, devList("anne@example.com"), ops)
	h.incoming = Chain{{Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
		switch {
		case x.Phase != gateway.PhaseIncoming:
			return gateway.Verdict{}, nil
		case x.Leg.List == "ops.lists.example.com":
			return fails(x)
		}
		return gateway.Verdict{Added: people("far@example.net", "ops@lists.example.com")}, nil
	})}}
	if replies := h.post("anne@example.com", hello, "dev@lists.example.com"); !strings.HasPrefix(replies[0], "451") {
		t.Fatal(replies)
	}
	if h.settle(); len(h.sent) != 0 || h.spooled() != 0 {
		t.Errorf("%d sent, %d spooled", len(h.sent), h.spooled())
	}
}

func TestPostingPolicyHolds(t *testing.T) {
	list := devList("bart@example.org")
	list.List.Posting, list.List.QuietHold = gateway.PostingMembers, true
	h := newHouse(t, list)
	stranger := strings.Replace(hello, "anne@example.com", "eve@example.net", 1)
	if replies := h.post("eve@example.net", stranger, "dev@lists.example.com"); replies[0] != accepted {
		t.Fatal(replies)
	}
	if h.settle(); len(h.sent) != 1 || h.sent[0].to[0] != "owner@example.com" || h.spooled() != 1 {
		t.Fatalf("sent %v, %d held", h.sent, h.spooled())
	}
	if h.post("bart@example.org", hello, "dev@lists.example.com"); len(h.settle()) != 0 || len(h.sent) != 2 {
		t.Errorf("a member's post: %d sent", len(h.sent))
	}
}

// TestOutgoingRejectHolds: what was accepted cannot be refused any more. A rule
// has it held, until a moderator lets it go on; a fault has it tried again.
func TestOutgoingRejectHolds(t *testing.T) {
	for _, action := range []gateway.Action{gateway.Reject, gateway.Hold} {
		h := newHouse(t, devList("anne@example.com"))
		calls := 0
		h.outgoing = Chain{
			{Name: "rule", Handler: handlerFunc(func(*gateway.Exchange) (gateway.Verdict, error) {
				return gateway.Verdict{Action: action, Status: refusal}, nil
			})},
			{Handler: handlerFunc(func(*gateway.Exchange) (gateway.Verdict, error) { calls++; return gateway.Verdict{}, nil })},
		}
		h.post("anne@example.com", hello, "dev@lists.example.com")
		h.settle()
		legs, told := h.legs(), len(h.sent)
		if len(legs) != 1 || legs[0].Stage != gateway.StageHeld || legs[0].Reason != "held by handler rule: no" || told == 0 || calls != 0 {
			t.Fatalf("%s: %+v, %d told, %d calls", action, legs, told, calls)
		}
		id := gateway.QueueID(0)
		for row := range h.spool.List() {
			id = row.ID
		}
		entries, err := h.spool.Release(id, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		h.entries = entries
		if h.settle(); h.spooled() != 0 || calls != 1 || h.sent[len(h.sent)-1].to[0] != "anne@example.com" {
			t.Errorf("%s: released: %d spooled, %d calls, %+v", action, h.spooled(), calls, h.sent[told:])
		}
	}
}

func TestOutgoingFaultIsNoReject(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	h.outgoing = Chain{{OnError: OnErrorReject, Handler: handlerFunc(func(*gateway.Exchange) (gateway.Verdict, error) {
		return gateway.Verdict{}, errors.New("broken")
	})}}
	h.post("anne@example.com", hello, "dev@lists.example.com")
	if err := h.expander.Expand(t.Context(), h.entries[0]); gateway.AsStatus(err).Code != 554 || h.legs()[0].Stage != gateway.StageAccepted {
		t.Errorf("%v, %+v", err, h.legs())
	}
}

func TestLoopsEnd(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	for _, field := range []string{
		strings.Repeat("Received: from a by b; now\r\n", hopsMax+1),
		"List-Id: Developers <dev.lists.example.com>\r\n",
		"List-ID: <DEV.lists.\r\n example.com>\r\n",
		"Delivered-To: dev@lists.example.com\r\n",
	} {
		if replies := h.post("anne@example.com", field+hello, "dev@lists.example.com"); replies[0] != "554 5.4.6 the message is in a loop" {
			t.Errorf("%.60q: %s", field, replies)
		}
	}
	for _, field := range []string{"List-Id: <other.lists.example.com>\r\n", "Delivered-To: anne@example.com\r\n"} {
		if replies := h.post("anne@example.com", field+hello, "dev@lists.example.com"); replies[0] != accepted {
			t.Errorf("%q: %s", field, replies)
		}
	}
}

func TestHandlersEditEveryCopyOnce(t *testing.T) {
	h := newHouse(t, devList("anne@example.com", "bart@example.org"))
	h.incoming = Chain{{Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
		if x.Phase != gateway.PhaseIncoming {
			return gateway.Verdict{}, nil
		}
		return gateway.Verdict{Edits: []gateway.Edit{tag("in")}}, nil
	})}}
	calls := 0
	h.outgoing = Chain{{Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
		calls++
		return gateway.Verdict{Edits: []gateway.Edit{tag("out")}}, nil
	})}}
	h.plan = func(*gateway.Exchange) (gateway.Plan, error) {
		return gateway.Plan{VERP: true, Edits: []gateway.Edit{{Op: gateway.InsertField, Name: "X-Member", Value: "{member}", Template: true}}}, nil
	}
	h.post("anne@example.com", "X-Trick: {member}\r\n"+hello, "dev@lists.example.com")
	h.settle()
	if calls != 1 || len(h.sent) != 2 {
		t.Fatalf("%d calls of the outgoing handler, %d copies", calls, len(h.sent))
	}
	for _, c := range h.sent {
		if !strings.HasPrefix(c.content, "X-Member: "+c.to[0]+"\r\nDelivered-To: dev@lists.example.com\r\nX-Tag: out\r\nX-Tag: in\r\n") {
			t.Errorf("copy for %s: %q", c.to[0], c.content)
		}
		if !strings.Contains(c.content, "X-Trick: {member}\r\n") {
			t.Error("a placeholder in the post was filled in")
		}
	}
}

// A retry asks neither handlers nor the planner again.
func TestTransientFailureIsRetried(t *testing.T) {
	h := newHouse(t, devList("anne@example.com", "bart@example.org"))
	var handled, planned int
	h.outgoing = Chain{{Handler: handlerFunc(func(*gateway.Exchange) (gateway.Verdict, error) {
		handled++
		return gateway.Verdict{}, nil
	})}}
	h.plan = func(*gateway.Exchange) (gateway.Plan, error) {
		planned++
		return gateway.Plan{VERP: true}, nil
	}
	busy := &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 7, 1}, Text: "later"}
	h.transport = func(d *gateway.Delivery, _ string) []*gateway.Status {
		if d.Recipients[0].Path == "bart@example.org" {
			return []*gateway.Status{busy}
		}
		return nil
	}
	h.post("anne@example.com", hello, "dev@lists.example.com")
	later := h.settle()
	if len(later) != 1 || later[0].Attempt != 1 || len(h.sent) != 1 || h.spooled() != 1 {
		t.Fatalf("later %+v, %d sent", later, len(h.sent))
	}
	h.transport, h.entries = nil, later
	if later := h.settle(); len(later) != 0 || len(h.sent) != 2 || h.spooled() != 0 {
		t.Errorf("later %+v, %d sent, %d spooled", later, len(h.sent), h.spooled())
	}
	if handled != 1 || planned != 1 {
		t.Errorf("handled %d times, planned %d times", handled, planned)
	}
}

func TestRefusedMemberIsBooked(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	h.transport = func(*gateway.Delivery, string) []*gateway.Status {
		return []*gateway.Status{{Code: 550, Enhanced: gateway.EnhancedCode{5, 1, 1}, Text: "no such user"}}
	}
	h.post("anne@example.com", hello, "dev@lists.example.com")
	h.settle()
	row, err := h.roster.Member("dev.lists.example.com", "anne@example.com")
	if err != nil || row.Bounce.Count != 1 || row.Bounce.Status != "5.1.1" {
		t.Errorf("booked %+v, %v", row, err)
	}
	if h.spooled() != 0 {
		t.Error("a refused copy stays in the spool")
	}
}

func TestRefusedForwardIsReported(t *testing.T) {
	h := newHouse(t, devList())
	h.transport = func(d *gateway.Delivery, _ string) []*gateway.Status {
		if d.Route != "" {
			return []*gateway.Status{{Code: 550, Enhanced: gateway.EnhancedCode{5, 1, 1}, Text: "no such user"}}
		}
		return nil
	}
	h.post("anne@example.com", hello, "x@backend.example.com")
	h.settle()
	if len(h.sent) != 1 || h.sent[0].from != "" || h.sent[0].to[0] != "anne@example.com" || !strings.Contains(h.sent[0].content, "Status: 5.1.1") {
		t.Fatalf("sent %+v", h.sent)
	}
	h.sent = nil
	h.post("", hello, "x@backend.example.com")
	if h.settle(); len(h.sent) != 0 {
		t.Errorf("a bounce was bounced: %+v", h.sent)
	}
}

// A backend that asks for it finds one Return-Path, ours, on top; what came in
// with the message is gone either way (RFC 5321, section 4.4).
func TestReturnPath(t *testing.T) {
	for _, wanted := range []bool{true, false} {
		h := newHouse(t, devList())
		h.expander.ReturnPath = func(forward string) bool { return wanted && forward == "backend" }
		for from, field := range map[gateway.ReversePath]string{"anne@example.com": "<anne@example.com>", "": "<>"} {
			h.sent = nil
			h.post(from, "Return-Path: <forged@example.com>\r\n"+hello, "x@backend.example.com")
			h.settle()
			got := h.sent[0].content
			if wanted != strings.HasPrefix(got, "Return-Path: "+field+"\r\n") {
				t.Errorf("wanted %v, from %s:\n%s", wanted, from, got)
			}
			if n := strings.Count(got, "Return-Path:"); n != 0 && !wanted || n != 1 && wanted {
				t.Errorf("wanted %v: %d fields", wanted, n)
			}
		}
	}
}

func TestRefusedOwnerIsReportedToTheSite(t *testing.T) {
	h := newHouse(t, devList())
	h.transport = func(d *gateway.Delivery, _ string) []*gateway.Status {
		if d.Recipients[0].Path == "owner@example.com" {
			return []*gateway.Status{{Code: 550, Enhanced: gateway.EnhancedCode{5, 1, 1}, Text: "no such user"}}
		}
		return nil
	}
	h.post("", hello, "dev-owner@lists.example.com")
	h.settle()
	if len(h.sent) != 1 || h.sent[0].from != "" || h.sent[0].to[0] != "site@example.com" {
		t.Errorf("sent %+v", h.sent)
	}
}

func TestBounceNamesItsMember(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	h.post("anne@example.com", hello, "dev@lists.example.com")
	h.settle()
	bounce := "From: mailer-daemon@example.com\r\nSubject: failed\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" +
		"--b\r\n\r\nfailed\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; example.com\r\n\r\n" +
		"Final-Recipient: rfc822; anne@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
	if replies := h.post("", bounce, gateway.ForwardPath(h.sent[0].from)); replies[0] != accepted {
		t.Fatal(replies)
	}
	h.sent = nil
	h.settle()
	if row, err := h.roster.Member("dev.lists.example.com", "anne@example.com"); err != nil || row.Bounce.Count != 1 {
		t.Errorf("booked %+v, %v", row, err)
	}
	if len(h.sent) != 0 {
		t.Errorf("the owners got %+v", h.sent)
	}
	h.post("", bounce, "dev-bounces+anne=example.com@lists.example.com")
	if h.settle(); len(h.sent) != 1 || h.sent[0].to[0] != "owner@example.com" {
		t.Errorf("an unsigned bounce: sent %+v", h.sent)
	}
	if row, _ := h.roster.Member("dev.lists.example.com", "anne@example.com"); row.Bounce.Count != 1 {
		t.Error("an unsigned bounce was believed")
	}
}

func TestExpansionGoesOnWhereItStopped(t *testing.T) {
	var members []gateway.ForwardPath
	for _, c := range "abc" {
		for i := range 500 {
			members = append(members, gateway.ForwardPath(strings.Repeat(string(c), 1+i%50)+string(rune('a'+i/50))+"@example.com"))
		}
	}
	h := newHouse(t, devList(members...))
	calls := 0
	h.plan = func(*gateway.Exchange) (gateway.Plan, error) {
		if calls++; calls == 2 {
			return gateway.Plan{}, errors.New("ran out of fuel")
		}
		return gateway.Plan{VERP: true}, nil
	}
	h.post("anne@example.com", hello, "dev@lists.example.com")
	leg := h.entries[0]
	h.entries = nil
	if err := h.expander.Expand(t.Context(), leg); err == nil {
		t.Fatal("the failing planner was not heard of")
	}
	if err := h.expander.Expand(t.Context(), leg); err != nil {
		t.Fatal(err)
	}
	h.settle()
	to := map[string]int{}
	for _, c := range h.sent {
		to[c.to[0]]++
	}
	if len(to) != len(members) || len(h.sent) != len(members) {
		t.Errorf("%d copies to %d of %d members", len(h.sent), len(to), len(members))
	}
}
