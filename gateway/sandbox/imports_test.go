package sandbox

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

const (
	incoming = gateway.PhaseIncoming
	outgoing = gateway.PhaseOutgoing
	planning = gateway.PhasePlan
)

func TestReaders(t *testing.T) {
	spec := Spec{Name: "reader", Config: map[string]any{"a": map[string]any{"b": "deep"}, "n": int64(42), "list": []any{"x", "y"}}}
	for _, test := range []struct {
		step step
		want any // string: what was read; int: the result
	}{
		{do("get", "abi.minor", room(9)), "0"},
		{do("get", "host.version", room(9)), "1.2.3"},
		{do("get", "handler.name", room(9)), "reader"},
		{do("get", "config", room(99)), `{"a":{"b":"deep"},"list":["x","y"],"n":42}`},
		{do("get", "config.a.b", room(9)), "deep"},
		{do("get", "config.list.#", room(9)), "2"},
		{do("get", "config.list.1", room(9)), "y"},
		{do("get", "config.absent", room(9)), wire.NotFound},
		{do("get", "list.config.color", room(9)), "red"},
		{do("get", "env.mail_from", room(99)), "anne@example.com"},
		{do("get", "env.client_ip", room(99)), "192.0.2.7"},
		{do("get", "rcpt.1.detail", room(9)), "two"},
		{do("get", "rcpt.3.detail", room(9)), wire.NotFound},
		{do("get", "rcpt.-1.detail", room(9)), wire.NotFound},
		{do("get", "auth.spf.result", room(9)), "pass"},
		{do("get", "inventory", room(9)), wire.NotFound},
		{do("get", "", room(9)), wire.NotFound},
		{do("get", "env.mail_from", span{0, 0}), 16},
		{do("get", "env.mail_from", room(15)), 16},
		{do("get_int", "config.n"), 42},
		{do("get_int", "config.a.b"), math.MinInt64},
		{do("log_enabled", 0), 0},
		{do("rcpt_count"), 3},
		{do("rcpt_get", 2, room(99)), "three@example.com"},
		{do("rcpt_get", 3, room(99)), wire.NotFound},
		{do("rcpt_get", -1, room(99)), wire.NotFound},
		{do("header_count"), 5},
		{do("header_name", 3, room(99)), "Subject"},
		{do("header_value", 3, room(99)), "a folded  subject"},
		{do("header_raw", 3, room(99)), "Subject: a\r\n folded  subject\r\n"},
		{do("header_raw", 5, room(99)), wire.NotFound},
		{do("header_find", "received", 1), 1},
		{do("header_find", "received", 2), wire.NotFound},
		{do("header_find", "received", -5), 0},
		{do("header_get", "RECEIVED", 1, room(99)), "from c by d"},
		{do("header_get", "received", 2, room(99)), wire.NotFound},
		{do("header_get", "received", -1, room(99)), wire.NotFound},
		{do("body_size"), 8},
		{do("body_read", 5, room(99)), ".\r\n"},
		{do("body_read", 8, room(99)), 0},
		{do("body_read", 9, room(99)), wire.BadArgument},
		{do("body_read", -1, room(99)), wire.BadArgument},
		{do("random", room(16)), 0},
		{do("random", room(RandomBytesMax+1)), wire.Limit},
		{do("inv_count", "lists"), wire.WrongPhase},
	} {
		out := play(t, spec, exchange(t, incoming), nil, test.step)
		want, isText := test.want.(string)
		number, _ := test.want.(int)
		if isText {
			number = len(want)
		}
		if out.err != nil || len(out.results) == 0 || out.results[0] != int64(number) {
			t.Errorf("%v: %v, %v, not %v", test.step, out.results, out.err, test.want)
		} else if isText && string(out.rooms[:len(want)]) != want {
			t.Errorf("%v: %q, not %q", test.step, out.rooms[:len(want)], want)
		} else if !isText && number > 0 && out.rooms[0] != 0 {
			t.Errorf("%v wrote though it did not fit", test.step)
		}
	}
}

func TestHeaderEdits(t *testing.T) {
	long := strings.Repeat("x", HeaderValueBytesMax+1)
	for _, test := range []struct {
		name  string
		steps []step
		want  []int64
		lines string // that are in the header afterwards, or with "-" in front, are not
	}{
		{"set replaces the first and drops the rest", []step{do("header_set", "received", "one"), do("header_count")}, []int64{0, 4}, "Received: one\nFrom"},
		{"set adds", []step{do("header_set", "X-New", "1"), do("header_get", "x-new", 0, room(9))}, []int64{0, 1}, "X-New: 1"},
		{"insert in front", []step{do("header_insert", 0, "X-New", "1"), do("header_find", "From", 0)}, []int64{0, 3}, "X-New: 1\nReceived"},
		{"insert at the end", []step{do("header_insert", -1, "X-New", "1"), do("header_name", 5, room(9))}, []int64{0, 5}, "X-New: 1\n\n"},
		{"insert beyond", []step{do("header_insert", 6, "X-New", "1")}, []int64{wire.BadArgument}, "-X-New"},
		{"insert before the start", []step{do("header_insert", -2, "X-New", "1")}, []int64{wire.BadArgument}, "-X-New"},
		{"replace", []step{do("header_replace", 3, "new")}, []int64{0}, "Subject: new\nTo"},
		{"replace beyond", []step{do("header_replace", 5, "new")}, []int64{wire.BadArgument}, "-new"},
		{"delete renumbers", []step{do("header_delete", 0), do("header_name", 1, room(9))}, []int64{0, 4}, "-from a"},
		{"delete beyond", []step{do("header_delete", -1)}, []int64{wire.BadArgument}, "from a"},
		{"remove counts", []step{do("header_remove", "RECEIVED"), do("header_remove", "received")}, []int64{2, 0}, "-Received"},
		{"CRLF in a value", []step{do("header_set", "Subject", "a\r\nBcc: b")}, []int64{wire.BadArgument}, "-Bcc"},
		{"LF in a value", []step{do("header_insert", 0, "Subject", "a\nBcc: b")}, []int64{wire.BadArgument}, "-Bcc"},
		{"NUL in a value", []step{do("header_replace", 3, "a\x00")}, []int64{wire.BadArgument}, "-a\x00"},
		{"colon in a name", []step{do("header_set", "Bcc: b", "x")}, []int64{wire.BadArgument}, "-Bcc"},
		{"no name", []step{do("header_set", "", "x")}, []int64{wire.BadArgument}, "-: x"},
		{"too long", []step{do("header_set", "X-Long", long)}, []int64{wire.Limit}, "-X-Long"},
		{"no template in incoming", []step{do("header_template", "To", "{member}")}, []int64{wire.WrongPhase}, "-{member}"},
	} {
		x := exchange(t, incoming)
		out := play(t, Spec{Name: "edit"}, x, nil, test.steps...)
		if out.err != nil || !reflect.DeepEqual(out.results, test.want) {
			t.Errorf("%s: %v, %v, not %v", test.name, out.results, out.err, test.want)
			continue
		}
		text := edited(t, x, out.verdict.Edits)
		unwanted, isUnwanted := strings.CutPrefix(test.lines, "-")
		if strings.Contains(text, unwanted) == isUnwanted {
			t.Errorf("%s: the message is\n%s", test.name, text)
		}
		if edited(t, x, nil) != mail {
			t.Errorf("%s: the exchange's own draft has changed", test.name)
		}
	}
}

func TestTemplates(t *testing.T) {
	out := play(t, Spec{Name: "edit"}, exchange(t, outgoing), nil,
		do("header_template", "To", "{member}"), do("header_set", "X-Text", "{member}"), do("rcpt_count"))
	edits := out.verdict.Edits
	if out.err != nil || len(edits) != 2 || !edits[0].Template || edits[1].Template {
		t.Errorf("%+v, %v", edits, out.err)
	}
	if out.results[2] != 0 {
		t.Errorf("an outgoing handler sees %d recipients", out.results[2])
	}
}

func TestBodyIsReplaced(t *testing.T) {
	x := exchange(t, incoming)
	out := play(t, Spec{Name: "edit"}, x, nil,
		do("body_write", "lost"), do("body_begin"), do("body_write", "one\ntwo\rthree\r\n"), do("body_read", 0, room(99)))
	if want := []int64{wire.BadArgument, 0, 15, 8}; !reflect.DeepEqual(out.results, want) {
		t.Errorf("results %v, not %v", out.results, want)
	}
	if text := edited(t, x, out.verdict.Edits); !strings.HasSuffix(text, "\n\none\ntwo three\n") {
		t.Errorf("the message is\n%s", text)
	}
}

func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		step   step
		result int64
		reply  string // of the verdict
	}{
		{do("verdict", wire.Reject, 0, "", ""), 0, "550 5.7.1 refused by a rule of this site"},
		{do("verdict", wire.Reject, 554, "5.6.0", "no"), 0, "554 5.6.0 no"},
		{do("verdict", wire.Defer, 0, "", "later"), 0, "451 4.7.1 later"},
		{do("verdict", wire.Discard, 250, "2.0.0", ""), 0, ""},
		{do("verdict", wire.Reject, 250, "", ""), wire.BadArgument, ""},
		{do("verdict", wire.Reject, 450, "", ""), wire.BadArgument, ""},
		{do("verdict", wire.Reject, 0, "4.7.1", ""), wire.BadArgument, ""},
		{do("verdict", wire.Reject, 0, "5.x", ""), wire.BadArgument, ""},
		{do("verdict", wire.Reject, 599, "", ""), wire.BadArgument, ""},
		{do("verdict", wire.Defer, 421, "", ""), wire.BadArgument, ""},
		{do("verdict", wire.Reject, 0, "", "a\r\n250 ok"), wire.BadArgument, ""},
		{do("verdict", 6, 0, "", ""), wire.BadArgument, ""},
		{do("verdict", -1, 0, "", ""), wire.BadArgument, ""},
		{do("verdict", wire.Reject, 0, "", "\x1b[31mred\xff"), 0, "550 5.7.1 ?[31mred?"},
		{do("rcpt_verdict", 3, wire.Reject, 0, "", ""), wire.BadArgument, ""},
	} {
		out := play(t, Spec{Name: "judge"}, exchange(t, incoming), nil, test.step)
		reply := ""
		if out.verdict.Status != nil {
			reply = out.verdict.Status.Reply()
		}
		if out.err != nil || out.results[0] != test.result || reply != test.reply {
			t.Errorf("%v: %v, %q, %v, not %d, %q", test.step, out.results, reply, out.err, test.result, test.reply)
		}
	}
	out := play(t, Spec{Name: "judge"}, exchange(t, incoming), nil,
		do("verdict", wire.Reject, 0, "", ""), do("verdict", wire.Accept, 0, "", ""), do("rcpt_verdict", 1, wire.Hold, 0, "", ""), do("set", "route", "bulk"))
	v := out.verdict
	if v.Action != gateway.Accept || v.Status != nil || v.Recipients[7].Action != gateway.Hold || v.Route != "bulk" {
		t.Errorf("the last words were %+v", v)
	}
}

func TestRecipients(t *testing.T) {
	spec := Spec{Name: "rcpt", Capabilities: []string{wire.CapRecipients}}
	out := play(t, spec, exchange(t, incoming), nil,
		do("rcpt_remove", 0), do("rcpt_get", 0, room(16)), do("rcpt_add", "owner@LISTS.example.com"), do("rcpt_count"),
		do("rcpt_add", "else@example.net"), do("rcpt_add", "no address"), do("rcpt_set", 1, "redirect", "x@lists.example.com"),
		do("rcpt_set", 1, "redirect", "x@example.net"), do("rcpt_set", 0, "notify", "failure,delay"), do("rcpt_set", 0, "notify", "never,delay"),
		do("rcpt_set", 0, "mail_from", "x@example.com"), do("rcpt_set", 0, "color", "red"), do("rcpt_remove", 3),
		do("get", "rcpt.0.detail", room(16)), do("rcpt_add", "two@lists.example.com"), do("rcpt_remove", 2))
	want := []int64{0, 15, 0, 3, wire.NotPermitted, wire.BadArgument, 0, wire.NotPermitted, 0, wire.BadArgument, wire.WrongPhase, wire.BadArgument, wire.BadArgument, 3, 0, 0}
	if out.err != nil || !reflect.DeepEqual(out.results, want) {
		t.Fatalf("%v, %v, not %v", out.results, out.err, want)
	}
	v := out.verdict
	if !v.Recipients[4].Removed || v.Recipients[9].Redirect != "x@lists.example.com" || *v.Recipients[7].Notify != gateway.NotifyFailure|gateway.NotifyDelay {
		t.Errorf("dispositions %+v", v.Recipients)
	}
	if len(v.Added) != 1 || v.Added[0].Path != "two@lists.example.com" {
		t.Errorf("added %+v", v.Added)
	}
	spec.Capabilities = append(spec.Capabilities, wire.CapRelay)
	if out := play(t, spec, exchange(t, incoming), nil, do("rcpt_add", "else@example.net")); out.results[0] != 0 || len(out.verdict.Added) != 1 {
		t.Errorf("with relay: %v", out.results)
	}
}

func TestPlans(t *testing.T) {
	spec := Spec{Name: "plan", Capabilities: []string{wire.CapRecipients, wire.CapHeaders}}
	out := play(t, spec, exchange(t, planning), nil,
		do("set", "chunk.max_rcpts", "50"), do("set", "chunk.max_rcpts", "1001"), do("set", "chunk.by", "domain"), do("set", "verp", "1"),
		do("set", "mail_from", ""), do("set", "mail_from", "a b"), do("set", "route", "bulk"), do("set", "route", "other"),
		do("set", "priority", "-5"), do("set", "priority", "1000"), do("set", "not_before_ms", "1700000000000"), do("set", "expire_ms", "-1"),
		do("set", "color", "red"), do("rcpt_set", 1, "mail_from", "b+{member.local}@example.com"), do("rcpt_set", 1, "mail_from", "{member}@x"),
		do("rcpt_set", 1, "header.X-Own", "{member}"), do("rcpt_set", 1, "header.X Own", "1"), do("rcpt_get", 0, room(9)), do("rcpt_remove", 2),
		do("header_template", "To", "{member}"))
	bad := int64(wire.BadArgument)
	want := []int64{0, bad, 0, 0, 0, bad, 0, bad, 0, bad, 0, bad, bad, 0, bad, 0, bad, wire.NotPermitted, 0, 0}
	if out.err != nil || !reflect.DeepEqual(out.results, want) {
		t.Fatalf("%v, %v, not %v", out.results, out.err, want)
	}
	null := gateway.ReversePath("")
	out.plan.Usage = gateway.Usage{}
	if want := (gateway.Plan{
		RecipientsMax: 50, ByDomain: true, VERP: true, ReversePath: &null, Route: "bulk", Priority: -5,
		NotBefore: time.UnixMilli(1_700_000_000_000),
		Edits:     []gateway.Edit{{Op: gateway.ReplaceField, Index: 4, Name: "To", Value: "{member}", Template: true}},
		Recipients: map[int]gateway.RecipientPlan{
			1: {ReversePath: "b+{member.local}@example.com", Header: map[string]string{"X-Own": "{member}"}}, 2: {Removed: true},
		},
	}); !reflect.DeepEqual(out.plan, want) {
		t.Errorf("the plan is %+v, not %+v", out.plan, want)
	}
	spec.Capabilities = append(spec.Capabilities, wire.CapMembers)
	if out := play(t, spec, exchange(t, planning), nil, do("rcpt_get", 0, room(99))); out.results[0] != 15 {
		t.Errorf("with members: %v", out.results)
	}
}

func TestPhases(t *testing.T) {
	for phase, wrong := range map[gateway.Phase][]step{
		gateway.PhaseRecipient: {do("header_count"), do("body_size"), do("rcpt_remove", 0), do("set", "verp", "1")},
		outgoing:               {do("verdict", 0, 0, "", ""), do("rcpt_add", "x@lists.example.com"), do("file_end")},
		gateway.PhaseResult:    {do("verdict", 0, 0, "", ""), do("header_set", "A", "b"), do("set", "route", "bulk")},
	} {
		out := play(t, Spec{Name: "p", Capabilities: capabilities[:]}, exchange(t, phase), nil, wrong...)
		for i, result := range out.results {
			if result != wire.WrongPhase {
				t.Errorf("phase %d, %v: %d", phase, wrong[i], result)
			}
		}
	}
	out := play(t, Spec{Name: "p"}, exchange(t, gateway.PhaseResult), nil, do("get", "result.attempt", room(9)), do("get_int", "result.code"))
	if !reflect.DeepEqual(out.results, []int64{1, 250}) {
		t.Errorf("result: %v", out.results)
	}
}

func TestOptionalCapability(t *testing.T) {
	out := play(t, Spec{Name: "p", Capabilities: []string{}, OptionalCapabilities: []string{wire.CapHeaders}}, exchange(t, incoming), nil,
		do("header_set", "A", "b"))
	if out.err != nil || out.results[0] != wire.NotPermitted || out.verdict.Edits != nil {
		t.Errorf("%v, %+v, %v", out.results, out.verdict, out.err)
	}
}

func TestPointersOutOfRangeTrap(t *testing.T) {
	const end = 16 * pageBytes
	for _, s := range []step{
		do("get", span{end - 3, 4}, room(9)),
		do("get", "config", span{end - 3, 4}),
		do("header_set", "A", span{1 << 30, 1 << 30}),
		do("log", 1, span{-8, 16}),
		do("body_read", 0, span{end, 1}),
		do("random", span{-16, 16}),
		do("error", span{0, -1}),
		do("fd_write", 1, end-4, 1, 0),
		do("clock_time_get", 0, 0, end-7),
	} {
		out := play(t, Spec{Name: "lost"}, exchange(t, incoming), nil, s)
		failed, ok := errors.AsType[*Error](out.err)
		if !ok || failed.Fault != Trapped || !strings.Contains(failed.Reason, "memory that does not exist") {
			t.Errorf("%v: %v", s, out.err)
		}
	}
}

func TestWriterFunctions(t *testing.T) {
	inventory := gateway.Inventory{wire.TableLists: gateway.Rows{{"address": "dev@lists.example.com"}}}
	out := play(t, Spec{Name: "w"}, nil, inventory,
		do("inv_count", "lists"), do("inv_count", "none"), do("inv_get", "lists", 0, "address", room(32)), do("inv_get", "lists", 1, "address", room(9)),
		do("inv_get", "lists", 0, "color", room(9)), do("get", "inventory", room(64)),
		do("now_ms"), do("random", room(8)), do("file_write", "x"), do("file_end"),
		do("file_begin", "../x", 0o644), do("file_begin", "/x", 0o644), do("file_begin", "a//b", 0o644), do("file_begin", "", 0o644),
		do("file_begin", "a\n", 0o644), do("file_begin", "a", 0o4755), do("file_begin", "d/a", 0o600), do("file_begin", "b", 0o600),
		do("file_write", "text"), do("file_end"), do("file_begin", "d/a", 0o600))
	bad := int64(wire.BadArgument)
	want := []int64{1, 0, 21, wire.NotFound, wire.NotFound, 47, wire.NotPermitted, wire.NotPermitted, bad, bad, bad, bad, bad, bad, bad, bad, 0, bad, 4, 0, bad}
	if out.err != nil || !reflect.DeepEqual(out.results, want) {
		t.Fatalf("%v, %v, not %v", out.results, out.err, want)
	}
	if want := []gateway.File{{Path: "d/a", Mode: 0o600, Data: []byte("text")}}; !reflect.DeepEqual(out.files, want) {
		t.Errorf("%+v", out.files)
	}
	if out := play(t, Spec{Name: "w"}, nil, inventory, do("file_begin", "a", 0)); out.err == nil || !strings.Contains(out.err.Error(), "while the file a was open") {
		t.Errorf("an open file: %v", out.err)
	}
}
