package gateway_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

func TestParseEnhancedCode(t *testing.T) {
	for in, ok := range map[string]bool{
		"5.1.1": true, "2.0.0": true, "4.999.999": true,
		"": false, "5": false, "5.1": false, "3.1.1": false, "5.1.1000": false, "5.1.1.1": false, "5.-1.1": false, "5.1.x": false,
	} {
		code, err := gateway.ParseEnhancedCode(in)
		if (err == nil) != ok || ok && code.String() != in {
			t.Errorf("%q: got %v, %v", in, code, err)
		}
	}
}

func TestStatusWithoutEnhancedCode(t *testing.T) {
	for code, detail := range map[int]string{250: "2.0.0", 450: "4.0.0", 550: "5.0.0"} {
		s := gateway.Status{Code: code, Text: "said the host"}
		if got := s.Detail().String(); got != detail || s.Reply() != fmt.Sprint(code, " said the host") {
			t.Errorf("%s, and %q as it came", got, s.Reply())
		}
	}
	if s := gateway.AsStatus(nil); s.Detail() != s.Enhanced {
		t.Errorf("%s became %s", s.Enhanced, s.Detail())
	}
}

func TestAsStatus(t *testing.T) {
	refused := &gateway.Status{Code: 550, Enhanced: gateway.EnhancedCode{5, 7, 1}, Text: "no"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "250 2.0.0 accepted"},
		{refused, "550 5.7.1 no"},
		{fmt.Errorf("list dev: %w", refused), "550 5.7.1 no"},
		{errors.New("disk on fire"), "451 4.3.0 local error, try again later"},
	} {
		if got := gateway.AsStatus(c.err).Reply(); got != c.want {
			t.Errorf("%v: got %q, want %q", c.err, got, c.want)
		}
	}
	if class := gateway.AsStatus(errors.New("x")).Class(); class != gateway.Transient {
		t.Errorf("a fault of ours has class %d", class)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain":        "plain",
		"two\r\nlines": "two??lines",
		"\x1b[31mred":  "?[31mred",
		"b\xffd":       "b?d",
		"grüße":        "grüße",
	} {
		got := gateway.Printable(in)
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got := gateway.Printable(strings.Repeat("x", 999)); len(got) != 480 {
		t.Errorf("999 octets became %d", len(got))
	}
}

func TestQueueIDs(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	var last gateway.QueueID
	for i, at := range []time.Time{now, now, now.Add(-time.Hour), now.Add(time.Millisecond), time.Time{}, now.AddDate(90, 0, 0)} {
		id := gateway.NextQueueID(last, at)
		if id <= last || i > 0 && id.String() <= last.String() {
			t.Errorf("%v at %v is not behind %v", id, at, last)
		}
		back, err := gateway.ParseQueueID(id.String())
		if err != nil || back != id {
			t.Errorf("%v came back as %v, %v", id, back, err)
		}
		last = id
	}
	if id := gateway.NextQueueID(1<<60, now); id != gateway.NextQueueID(0, now) {
		t.Errorf("behind what is no id there is %v", id)
	}
	for _, bad := range []string{"", "short", "ABCDEFGHJK", "0123456789a", "012345678!"} {
		if id, err := gateway.ParseQueueID(bad); err == nil {
			t.Errorf("%q is taken as %v", bad, id)
		}
	}
}
