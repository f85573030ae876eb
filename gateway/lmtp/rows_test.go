package lmtp

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	envelope = "LHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<one@lists.test>\r\n"
	evil     = "MAIL FROM:<evil@b.test>\r\nRCPT TO:<one@lists.test>\r\nDATA\r\nevil\r\n.\r\n"
)

// hangUp is a step of a row: the client closes.
type hangUp struct{}

// seen is what came of a row.
type seen struct {
	accepted []string
	replies  string // "S: " lines and "closed"
}

func (s seen) has(text string) bool { return strings.Contains(strings.Join(s.accepted, "\n"), text) }

// rows are go-smtp's faults, each with octets that show it. The guard must
// stop them; go-smtp without it is the control, and must show them. In the
// controls of rows named "(racy)" the race detector finds go-smtp's own races.
var rows = []struct {
	name  string
	steps []any // string, time.Duration or hangUp
	fault func(seen) bool
}{
	{"S1 a stalled content becomes commands",
		[]any{envelope + "DATA\r\n", "begun\r\n", 6 * time.Minute, evil},
		func(s seen) bool { return s.has("evil") }},
	{"S2 a stalled chunk becomes commands (racy)",
		[]any{envelope + "BDAT 1000 LAST\r\nbegun\r\n", 6 * time.Minute, evil},
		func(s seen) bool { return s.has("evil") }},
	{"S3 a cut chunk counts as whole",
		[]any{envelope + "BDAT 50 LAST\r\n", "abc", hangUp{}},
		func(s seen) bool { return s.has("abc") }},
	{"S4 CR CR LF hides the end of a content",
		[]any{envelope + "DATA\r\n", "x\r\r\n.\r\n", evil, "x\r\n.\r\n"},
		func(s seen) bool { return len(s.accepted) != 2 }},
	{"S5 a CR behind a dot is lost",
		[]any{envelope + "DATA\r\n", ".\rX\r\n.\r\n"},
		func(s seen) bool { return s.has(`"X\r\n"`) }},
	{"S6 bare CR and LF pass",
		[]any{envelope + "DATA\r\n", "a\rb\nc\r\n.\r\n"},
		func(s seen) bool { return s.has(`a\rb`) || s.has(`b\nc`) }},
	{"S7 a bare LF ends a command",
		[]any{strings.ReplaceAll(envelope, "\r\n", "\n") + "DATA\n", "x\r\n.\r\n"},
		func(s seen) bool { return len(s.accepted) > 0 }},
	{"S8 a long line drops the commands before it",
		[]any{envelope + "DATA\r\n" + strings.Repeat("x", 2500) + "\r\n.\r\n"},
		func(s seen) bool { return len(s.accepted) == 0 }},
	{"S9 progress does not prolong a content",
		[]any{envelope + "DATA\r\n", "1\r\n", 4 * time.Minute, "2\r\n", 4 * time.Minute, "3\r\n.\r\n"},
		func(s seen) bool { return len(s.accepted) == 0 }},
	{"S10 a message of the very limit is refused",
		[]any{envelope + "DATA\r\n", strings.Repeat("x", 3998) + "\r\n.\r\n"},
		func(s seen) bool { return len(s.accepted) == 0 }},
	{"S11 nested MAIL mixes envelopes",
		[]any{envelope + "MAIL FROM:<evil@b.test>\r\nDATA\r\n", "x\r\n.\r\n"},
		func(s seen) bool { return s.has("evil") }},
	{"S12 one reply for two recipients of a large chunk",
		[]any{envelope + "RCPT TO:<two@lists.test>\r\nBDAT 5000 LAST\r\n", strings.Repeat("12345678\r\n", 500), "NOOP\r\n"},
		func(s seen) bool {
			return strings.Count(s.replies, "S: 552") == 1 && !strings.Contains(s.replies, "closed")
		}},
	{"S13 a reset runs beside the content (racy)",
		[]any{envelope + "BDAT 3\r\nabc", "RSET\r\n"},
		func(s seen) bool { return s.has("reset inside") }},
	{"S14 quotes are lost, and parameters slip in",
		[]any{"LHLO client.test\r\nMAIL FROM:<\"a> SIZE=1 <b\"@c.test>\r\nRCPT TO:<one@lists.test>\r\nDATA\r\n", "x\r\n.\r\n"},
		func(s seen) bool { return s.has("from=<a> SIZE=1") }},
	{"S14 two @, no brackets, no UTF-8",
		[]any{"LHLO client.test\r\nMAIL FROM:a@b@\xff\r\nRCPT TO:<one@lists.test>\r\nDATA\r\n", "x\r\n.\r\n"},
		func(s seen) bool { return len(s.accepted) > 0 }},
	{"S15 control characters in replies",
		[]any{"LHLO client.test\r\nMAIL FROM:<a\x1b\x00@b.test>\r\n"},
		func(s seen) bool { return strings.ContainsAny(s.replies, "\x1b\x00") }},
	{"S16 commands without end",
		[]any{strings.Repeat("NOOP\r\n", 3000)},
		func(s seen) bool { return strings.Count(s.replies, "\n") > 2500 }},
	{"S18 STARTTLS with a tail",
		[]any{"STARTTLSxyz\r\n"},
		func(s seen) bool { return strings.Contains(s.replies, "TLS") }},
	{"LHLO offers what is not taken",
		[]any{"LHLO client.test\r\n"},
		func(s seen) bool { return strings.Contains(s.replies, "CHUNKING") }},
}

func TestFaultsOfGoSMTP(t *testing.T) {
	limits := Limits{ContentBytesMax: 4000, IdleTimeout: 5 * time.Minute}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				server := &Server{Intake: d, Limits: limits}
				if got := perform(serve(t, server), d, row.steps); row.fault(got) {
					t.Errorf("with the guard: %q", got)
				}
			})
			if raceDetector && strings.HasSuffix(row.name, "(racy)") {
				return
			}
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				if got := perform(bare(t, d, limits), d, row.steps); !row.fault(got) {
					t.Errorf("the control shows no fault: %q", got)
				}
			})
		})
	}
}

func perform(p *pipes, d *desk, steps []any) seen {
	client := newPeer(p.Dial())
	synctest.Wait()
	for _, step := range steps {
		switch step := step.(type) {
		case string:
			client.conn.Write([]byte(step))
		case time.Duration:
			time.Sleep(step)
		case hangUp:
			client.conn.Close()
		}
		synctest.Wait()
	}
	got := seen{replies: client.take()}
	client.conn.Close()
	synctest.Wait()
	got.accepted = d.take()
	return got
}
