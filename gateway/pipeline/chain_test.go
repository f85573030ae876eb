package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// handlerFunc is a handler in Go, so that a chain is tested without a sandbox.
type handlerFunc func(x *gateway.Exchange) (gateway.Verdict, error)

func (f handlerFunc) Handle(_ context.Context, x *gateway.Exchange) (gateway.Verdict, error) {
	return f(x)
}

func says(v gateway.Verdict) handlerFunc {
	return func(*gateway.Exchange) (gateway.Verdict, error) { return v, nil }
}

func fails(*gateway.Exchange) (gateway.Verdict, error) {
	return gateway.Verdict{Edits: []gateway.Edit{{Op: gateway.DeleteField}}}, errors.New("ran out of fuel")
}

func tag(name string) gateway.Edit {
	return gateway.Edit{Op: gateway.InsertField, Name: "X-Tag", Value: name}
}

var refusal = &gateway.Status{Code: 550, Enhanced: gateway.EnhancedCode{5, 7, 1}, Text: "no"}

// exchange is an incoming call for two recipients of one list.
func exchange(t *testing.T) gateway.Exchange {
	t.Helper()
	content := gateway.Bytes("Subject: hello\r\n\r\nhi\r\n")
	draft, err := gateway.OpenDraft(content)
	if err != nil {
		t.Fatal(err)
	}
	m := &gateway.Message{ID: 1, Content: content, Envelope: gateway.Envelope{
		ReversePath: "anne@example.com",
		Recipients:  []gateway.Recipient{{Path: "dev@lists.example.com"}, {Path: "DEV@lists.example.com"}},
	}}
	leg := &gateway.Leg{Service: gateway.Post, List: "dev.lists.example.com", Recipients: []gateway.RecipientID{0, 1}, Details: []string{"", ""}}
	return gateway.Exchange{Phase: gateway.PhaseIncoming, Message: m, Leg: leg, Draft: draft, Recipients: recipientsOf(m, leg)}
}

func TestChainVerdicts(t *testing.T) {
	reached := errors.New("reached")
	for _, c := range []struct {
		name    string
		verdict gateway.Verdict
		action  gateway.Action
		stops   bool
	}{
		{"continue", gateway.Verdict{}, gateway.Continue, false},
		{"accept", gateway.Verdict{Action: gateway.Accept}, gateway.Continue, true},
		{"reject", gateway.Verdict{Action: gateway.Reject, Status: refusal}, gateway.Reject, true},
		{"defer", gateway.Verdict{Action: gateway.Defer, Status: gateway.Deferred(nil)}, gateway.Defer, true},
		{"discard", gateway.Verdict{Action: gateway.Discard}, gateway.Discard, true},
		{"hold", gateway.Verdict{Action: gateway.Hold}, gateway.Hold, true},
	} {
		var called error
		last := handlerFunc(func(*gateway.Exchange) (gateway.Verdict, error) { called = reached; return gateway.Verdict{}, nil })
		r := Chain{{Name: "first", Handler: says(c.verdict)}, {Name: "last", Handler: last}}.run(t.Context(), exchange(t), discard)
		if r.action != c.action || (called == nil) != c.stops {
			t.Errorf("%s: action %s, next handler called: %v", c.name, r.action, called != nil)
		}
	}
}

var discard = slog.New(slog.DiscardHandler)

func TestNextHandlerSeesEdits(t *testing.T) {
	looks := handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
		if got := x.Draft.Header.Get("X-Tag"); got != "one" {
			return gateway.Verdict{}, errors.New("X-Tag is " + got)
		}
		return gateway.Verdict{Edits: []gateway.Edit{tag("two")}}, nil
	})
	x := exchange(t)
	r := Chain{{Handler: says(gateway.Verdict{Edits: []gateway.Edit{tag("one")}})}, {Handler: looks}}.run(t.Context(), x, discard)
	if r.action != gateway.Continue || len(r.edits) != 2 {
		t.Errorf("ruling %+v", r)
	}
	if x.Draft.Header.Count("X-Tag") != 0 {
		t.Error("the caller's draft was changed")
	}
}

func TestFailingHandler(t *testing.T) {
	for _, c := range []struct {
		onError OnError
		action  gateway.Action
		code    int
	}{
		{"", gateway.Defer, 451},
		{OnErrorDefer, gateway.Defer, 451},
		{OnErrorReject, gateway.Reject, 554},
		{OnErrorAccept, gateway.Continue, 0},
	} {
		var log strings.Builder
		r := Chain{{Name: "bad", Module: "bad@1", Handler: handlerFunc(fails), OnError: c.onError}}.
			run(t.Context(), exchange(t), slog.New(slog.NewTextHandler(&log, nil)))
		if r.action != c.action || c.code != 0 && r.status.Code != c.code {
			t.Errorf("%q: %s %v", c.onError, r.action, r.status)
		}
		if len(r.edits) != 0 {
			t.Errorf("%q: edits of a failed call apply", c.onError)
		}
		if !strings.Contains(log.String(), "ran out of fuel") || !strings.Contains(log.String(), " id="+gateway.QueueID(1).String()+" ") {
			t.Errorf("%q: the log says %q", c.onError, &log)
		}
		if r.status != nil && strings.Contains(r.status.Reply(), "fuel") {
			t.Errorf("%q: the reply tells the cause: %s", c.onError, r.status.Reply())
		}
	}
}

// While recipients are asked for, a message has no id that anybody could look for.
func TestFailingRecipientHandler(t *testing.T) {
	var log strings.Builder
	x := exchange(t)
	x.Phase, x.Message.ID, x.Draft = gateway.PhaseRecipient, 0, nil
	Chain{{Name: "bad", Handler: handlerFunc(fails)}}.run(t.Context(), x, slog.New(slog.NewTextHandler(&log, nil)))
	if strings.Contains(log.String(), " id=") || !strings.Contains(log.String(), " reverse_path=anne@example.com ") {
		t.Errorf("the log says %q", &log)
	}
}

func TestBadEditIsAFailure(t *testing.T) {
	r := Chain{{Handler: says(gateway.Verdict{Edits: []gateway.Edit{{Op: gateway.DeleteField, Index: 9}}})}}.run(t.Context(), exchange(t), discard)
	if r.action != gateway.Defer {
		t.Errorf("ruling %+v", r)
	}
}

func TestOutOfTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := Chain{{Handler: handlerFunc(fails), OnError: OnErrorAccept}}.run(ctx, exchange(t), discard)
	if r.action != gateway.Defer || r.status.Code != 451 {
		t.Errorf("a chain out of time ruled %s %v", r.action, r.status)
	}
}

// A handler may notice before the context does that the time is over.
func TestHandlerRunsOutOfTheChainsTime(t *testing.T) {
	late := func(*gateway.Exchange) (gateway.Verdict, error) {
		return gateway.Verdict{}, fmt.Errorf("the caller gave up: %w", context.DeadlineExceeded)
	}
	for _, onError := range []OnError{OnErrorDefer, OnErrorReject, OnErrorAccept} {
		r := Chain{{Handler: handlerFunc(late), OnError: onError}}.run(t.Context(), exchange(t), discard)
		if r.action != gateway.Defer || !strings.Contains(r.status.Reply(), "took too long") {
			t.Errorf("%s: ruled %s %v", onError, r.action, r.status)
		}
	}
}

func TestRecipientVerdicts(t *testing.T) {
	first := says(gateway.Verdict{Recipients: map[gateway.RecipientID]gateway.Disposition{0: {Action: gateway.Reject, Status: refusal}}})
	second := handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
		if len(x.Recipients) != 1 || x.Leg.Recipients[0] != 1 {
			return gateway.Verdict{}, errors.New("sees a refused recipient")
		}
		return gateway.Verdict{Recipients: map[gateway.RecipientID]gateway.Disposition{1: {Redirect: "ops@lists.example.com"}}}, nil
	})
	r := Chain{{Handler: first}, {Name: "router", Handler: second}}.run(t.Context(), exchange(t), discard)
	if r.refused[0] != refusal || !r.dropped[1] || len(r.added) != 1 {
		t.Fatalf("ruling %+v", r)
	}
	if path := r.added[0].Path; path != "ops@lists.example.com" {
		t.Errorf("added %s", path)
	}
}

func TestSoftenedReject(t *testing.T) {
	for _, c := range []struct {
		policy        Rejects
		authenticated bool
		want          gateway.Action
	}{
		{"", false, gateway.Reject},
		{RejectSMTP, false, gateway.Reject},
		{RejectDiscard, false, gateway.Discard},
		{RejectDiscard, true, gateway.Reject},
		{RejectHold, false, gateway.Hold},
		{RejectHold, true, gateway.Reject},
	} {
		r := ruling{action: gateway.Reject, status: refusal}
		c.policy.soften(&r, c.authenticated)
		if r.action != c.want {
			t.Errorf("%q, authenticated %v: %s", c.policy, c.authenticated, r.action)
		}
	}
}

func TestIsAuthenticated(t *testing.T) {
	for _, c := range []struct {
		from, signer, result string
		want                 bool
	}{
		{"Anne <anne@example.com>", "example.com", "pass", true},
		{"anne@mail.example.com", "Example.COM", "pass", true},
		{"anne@example.com", "mail.example.com", "pass", false},
		{"anne@badexample.com", "example.com", "pass", false},
		{"anne@example.com", "example.com", "fail", false},
		{"anne@example.com, bart@example.com", "example.com", "pass", false},
		{"anne@bücher.example", "xn--bcher-kva.example", "pass", true},
		{"", "example.com", "pass", false},
	} {
		auth := gateway.AuthResults{DKIM: []gateway.DKIMResult{{Result: c.result, Domain: c.signer}}}
		header := gateway.Header{gateway.Field("From: " + c.from + "\r\n")}
		if got := isAuthenticated(auth, authorOf(header)); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// The policy comes after handlers, one that accepts included; it sees what
// they did, and what they decided stays.
func TestPolicyComesLast(t *testing.T) {
	list := devList("bart@example.org")
	list.List.Posting = gateway.PostingModerated
	for _, action := range []gateway.Action{gateway.Continue, gateway.Accept, gateway.Discard} {
		h := newHouse(t, list)
		h.incoming = Chain{{Name: "tag", Module: "tag@1", Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
			return gateway.Verdict{Action: action, Edits: []gateway.Edit{{Op: gateway.InsertField, Name: "X-Tag", Value: "1"}}}, nil
		})}}
		seen := ""
		h.policy = Chain{{Name: "posting", Module: "posting@1", Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
			seen = x.Draft.Header.Get("X-Tag")
			return membersPost(x)
		})}}
		h.post("bart@example.org", hello, "dev@lists.example.com")
		legs := h.legs()
		switch {
		case action == gateway.Discard:
			if seen != "" || len(legs) > 0 {
				t.Errorf("%v: the policy saw %q, legs %+v", action, seen, legs)
			}
		case seen != "1", len(legs) != 2, legs[0].Stage != gateway.StageHeld, strings.Join(legs[0].Handlers, " ") != "tag@1 posting@1":
			t.Errorf("%v: the policy saw %q, legs %+v", action, seen, legs)
		}
	}
}

func readAll(t *testing.T, c gateway.Content) string {
	t.Helper()
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
