package sandbox

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// filtering is the test filter, which does what its arguments say.
func filtering(t testing.TB, spec Spec, args ...any) *Plugin {
	t.Helper()
	spec.Name, spec.Wasm, spec.Filter = "filter", testdata(t, "filter"), true
	if spec.Config == nil {
		spec.Config = map[string]any{"args": args}
	}
	return load(t, Env{}, spec)
}

const (
	head = "Received: from a by b\r\nReceived: from c by d\r\nFrom: Anne <anne@example.com>\r\nSubject: a\r\n folded  subject\r\nTo: dev@lists.example.com\r\n"
	body = "Hello.\r\n"
)

func TestFilterEdits(t *testing.T) {
	lf := strings.NewReplacer("\r\n", "\n")
	for _, test := range []struct {
		name  string
		args  []any
		edits string
	}{
		{"nothing written", []any{"write", ""}, ""},
		{"a copy", []any{"cat"}, ""},
		{"a copy with LF", []any{"write", lf.Replace(head + "\n" + body)}, ""},
		{"a copy without its last line end", []any{"write", head + "\r\nHello."}, ""},
		{"a field on top", []any{"prepend", "X-Score: 5\n"}, "0 insert X-Score: 5"},
		{"a folded field on top", []any{"prepend", "X-Long: a\n\tb\n"}, "0 insert X-Long: a?b"}, // as String shows a tab,
		{"a line below", []any{"append", "-- \nfooter\n"}, "0 body 21 octets"},
		{"one replaced", []any{"write", strings.Replace(head, "a\r\n folded  subject", "[x] a", 1) + "\r\n" + body}, "3 replace Subject: [x] a"},
		{"one gone", []any{"write", strings.Replace(head, "Received: from c by d\r\n", "", 1) + "\r\n" + body}, "1 delete Received"},
		{"another order", []any{"write", "To: dev@lists.example.com\r\n" + strings.Replace(head, "To: dev@lists.example.com\r\n", "", 1) + "\r\n" + body},
			"0 insert To: dev@lists.example.com|5 delete To"},
		{"another name", []any{"write", strings.Replace(head, "To:", "Cc:", 1) + "\r\n" + body}, "4 delete To|4 insert Cc: dev@lists.example.com"},
		{"another body", []any{"write", head + "\r\nBye.\n"}, "0 body 6 octets"},
		{"no body", []any{"write", head}, "0 body 0 octets"},
		{"an mbox line", []any{"prepend", "From anne Thu Jan  1 12:00:00 2026\n"}, ""},
		{"a bare CR", []any{"prepend", "X-A: b\rBcc: all@example.com\n"}, "0 insert X-A: b Bcc: all@example.com"},
	} {
		x := exchange(t, incoming)
		v, err := filtering(t, Spec{}, test.args...).Handle(t.Context(), x)
		var got []string
		for _, e := range v.Edits {
			got = append(got, string(rune('0'+e.Index))+" "+e.String())
		}
		if err != nil || v.Action != gateway.Continue || strings.Join(got, "|") != test.edits {
			t.Errorf("%s: %v, %+v, edits %q", test.name, err, v.Action, got)
		}
		edited(t, x, v.Edits) // they apply
	}
}

// What is not a message does not replace one.
func TestFilterWritesNoMessage(t *testing.T) {
	for text, want := range map[string]string{
		"hello\n":                            "does not begin with a header field",
		"\n":                                 "does not begin with a header field",
		"Subject: x\nhello\n":                "line 2 is neither a header field nor the empty line",
		strings.Repeat("A: b\n", 1001):       "header block is too large",
		"A: " + strings.Repeat("b ", 40<<10): "a header field of",
	} {
		x := exchange(t, incoming)
		v, err := filtering(t, Spec{}, "write", text).Handle(t.Context(), x)
		if failed, ok := errors.AsType[*Error](err); !ok || failed.Fault != Returned || !strings.Contains(failed.Reason, want) || v.Edits != nil {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func TestFilterVerdicts(t *testing.T) {
	for _, test := range []struct {
		code, text string
		action     gateway.Action
		reply      string
	}{
		{"0", "all is well\n", gateway.Continue, ""},
		{"75", "no disk\n", gateway.Defer, "451 4.7.1 no disk"},
		{"75", "", gateway.Defer, "451 4.7.1 put off by a rule of this site, try again later"},
		{"77", "first\nlast\n\n", gateway.Reject, "550 5.7.1 last"},
		{"77", "evil\r\n250 ok", gateway.Reject, "550 5.7.1 250 ok"},
		{"77", "a\x01b\x7f", gateway.Reject, "550 5.7.1 a?b?"},
		{"67", "who?", gateway.Reject, "550 5.1.1 who?"},
		{"99", "", gateway.Discard, ""},
		{"100", "for Anne", gateway.Hold, "250 2.0.0 for Anne"},
		{"100", "", gateway.Hold, ""},
	} {
		v, err := filtering(t, Spec{}, "exit", test.code, test.text).Handle(t.Context(), exchange(t, incoming))
		reply := ""
		if v.Status != nil {
			reply = v.Status.Reply()
		}
		if err != nil || v.Action != test.action || reply != test.reply || v.Edits != nil {
			t.Errorf("%s %q: %v, %s %q", test.code, test.text, err, v.Action, reply)
		}
	}
}

func TestFilterFaults(t *testing.T) {
	for _, test := range []struct {
		args  []any
		spec  Spec
		fault Fault
		text  string
	}{
		{[]any{"exit", "1", "it is broken\n"}, Spec{}, Returned, "exited with 1: it is broken"},
		{[]any{"trap"}, Spec{}, Trapped, "trap: unreachable"},
		{[]any{"loop"}, Spec{Fuel: 3_000_000}, OutOfFuel, "ran out of fuel (3000000 units)"},
		{[]any{"loop"}, Spec{Fuel: 1 << 50, Timeout: 20 * time.Millisecond}, TimedOut, "time limit of 20ms"},
		{[]any{"loop"}, Spec{Mode: ModeDeadline, Timeout: 20 * time.Millisecond}, TimedOut, "time limit of 20ms"},
		{[]any{"flood"}, Spec{}, Trapped, "wrote more than 33816576 octets to standard output"},
		{[]any{"prepend", "X-A: b\n"}, Spec{Capabilities: []string{"body"}}, Returned, `changed header fields: plugins.filter.capabilities has to name "headers"`},
		{[]any{"append", "x\n"}, Spec{Capabilities: []string{"headers"}}, Returned, `changed the body: plugins.filter.capabilities has to name "body"`},
	} {
		p := filtering(t, test.spec, test.args...)
		for range 2 {
			v, err := p.Handle(t.Context(), exchange(t, incoming))
			failed, ok := errors.AsType[*Error](err)
			if !ok || failed.Fault != test.fault || !strings.Contains(err.Error(), test.text) || v.Edits != nil {
				t.Errorf("%v: %v, not %q", test.args, err, test.text)
			}
		}
		if p.pool.pop() != nil {
			t.Errorf("%v: the instance was kept", test.args)
		}
	}
}

// A program that takes all the memory it is given still works, each time.
func TestFilterMemoryIsLimited(t *testing.T) {
	p := filtering(t, Spec{MemoryBytes: 1 << 20}, "eat")
	for range 3 {
		if v, err := p.Handle(t.Context(), exchange(t, incoming)); err != nil || v.Edits != nil {
			t.Errorf("%v, %v", v.Edits, err)
		}
	}
}

func TestFilterIsTold(t *testing.T) {
	for phase, recipients := range map[gateway.Phase]string{incoming: "one@example.com\ntwo@example.com\nthree@example.com", gateway.PhaseOutgoing: ""} {
		x := exchange(t, phase)
		if phase == gateway.PhaseOutgoing {
			x.Recipients = nil
		}
		v, err := filtering(t, Spec{}, "variables", "A: b\n\n").Handle(t.Context(), x)
		if err != nil || len(v.Edits) == 0 {
			t.Fatal(err)
		}
		got := string(v.Edits[len(v.Edits)-1].Body)
		want := "MMGW_MAIL_FROM=anne@example.com\x00MMGW_RCPTS=" + strings.ReplaceAll(recipients, "\n", "\r\n") + "\x00MMGW_LIST=dev@lists.example.com\x00MMGW_PHASE=" +
			exports[place(phase)].phase + "\x00MMGW_ID=" + x.Message.ID.String() + "\x00MMGW_CONFIG=" + `{"args":["variables","A: b\n\n"]}` + "\x00\r\n"
		if got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// A filter is not a handler, and the other way round; each error says what to do.
func TestFilterIsNoHandler(t *testing.T) {
	program, handler := testdata(t, "filter"), testdata(t, "tag")
	for _, test := range []struct {
		spec Spec
		want string
	}{
		{Spec{Wasm: program}, `it is a WASI program, which is used with kind = "filter"`},
		{Spec{Wasm: handler, Filter: true}, `use it with kind = "handler"`},
		{Spec{Wasm: []byte("\x00asm\x01\x00\x00\x00"), Filter: true}, "not a WASI program"},
		{Spec{Wasm: guest(programStart, do("now_ms")), Filter: true}, "ABI 1"},
	} {
		test.spec.Name = "x"
		if _, err := newHost(t, Env{}).Load(t.Context(), test.spec); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, not %q", err, test.want)
		}
	}
	p := filtering(t, Spec{}, "cat")
	if p.Serves(gateway.PhasePlan) || p.Serves(gateway.PhaseRecipient) || !p.Serves(incoming) || !p.Serves(gateway.PhaseOutgoing) || p.Writes() {
		t.Error("it serves other phases")
	}
	info, err := Inspect(program)
	if err != nil || !info.Filter || info.ABI != wasiModule || strings.Join(info.Hooks, " ") != "incoming outgoing" || strings.Join(info.Capabilities, " ") != wire.CapBody+" "+wire.CapHeaders {
		t.Errorf("%+v, %v", info, err)
	}
}

// FuzzHeaderEdits: the edits make the new header, and leave every octet of what
// both have in common.
func FuzzHeaderEdits(f *testing.F) {
	f.Add(head, "X: y\r\n"+head)
	f.Add("A: 1\r\nB: 2\r\nC: 3\r\n", "C: 3\r\nA: 1\r\nb:2\r\n")
	f.Add("A: 1\r\n", "From x\r\nA : 1\r\n\t2\r\n")
	f.Fuzz(func(t *testing.T, old, next string) {
		was, err := gateway.OpenDraft(gateway.Bytes(old))
		if err != nil {
			return // no header: nothing to compare
		}
		is, err := gateway.OpenDraft(gateway.Bytes(next))
		if err != nil {
			return // no header: nothing to compare
		}
		edits := headerEdits(was.Header, is.Header)
		if err := was.Apply(edits...); err != nil {
			t.Fatalf("%q to %q: %v", old, next, err)
		}
		want := is.Header
		if len(want) > 0 && want[0].Name() == "" && len(was.Header) == len(want)-1 {
			want = want[1:]
		}
		if len(want) != len(was.Header) || len(edits) > EditsMax {
			t.Fatalf("%q to %q: %d fields, not %d, by %d edits", old, next, len(was.Header), len(want), len(edits))
		}
		for i, field := range was.Header {
			if field.Name() != want[i].Name() || len(want[i]) < 900 && field.Value() != want[i].Value() {
				t.Errorf("%q to %q: %q, not %q", old, next, field, want[i])
			}
		}
	})
}
