package sandbox

import (
	"strings"
	"testing"

	"github.com/mmgw/mmgw/sdk/wire"
)

// TestMissedSettings: what a module asks for in vain is told once, after the
// call, with what is set and was not read by then.
func TestMissedSettings(t *testing.T) {
	settings := map[string]any{"words": []any{"a"}, "prefx": "x", "other": 1}
	for _, test := range []struct {
		name string
		asks []step
		want string
	}{
		{"nothing is missing", []step{do("get", "config.words.0", room(9)), do("get_int", "config.other")}, ""},
		{"an element that is not there", []step{do("get", "config.words.7", room(9))}, ""},
		{"one is", []step{do("get", "config.prefix", room(9)), do("get_int", "config.words.#")}, "prefix of [other prefx]"},
		{"asked before and after", []step{do("get_int", "config.word"), do("get_int", "config.words.#"), do("get_int", "config.prefx"), do("get_int", "config.other")}, ""},
		{"all at once", []step{do("get", "config.prefix", room(9)), do("get", "config", room(9))}, ""},
		{"two", []step{do("get_int", "config.a"), do("get_int", "config.b.c"), do("get_int", "config.a.b")}, "a of [other prefx words], b of [other prefx words]"},
	} {
		var told []string
		spec := Spec{Name: "x", Wasm: guest(wire.ExportIncoming, test.asks...), Config: settings}
		spec.Missed = func(key string, unread []string) { told = append(told, key+" of ["+strings.Join(unread, " ")+"]") }
		p := load(t, Env{}, spec)
		for range 2 {
			if _, err := p.Handle(t.Context(), exchange(t, incoming)); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Join(told, ", "); got != test.want {
			t.Errorf("%s: %q, not %q", test.name, got, test.want)
		}
	}
}

// A name is what it was when the module asked, whatever it writes there later.
func TestMissedSettingsOutliveTheirMemory(t *testing.T) {
	var told string
	asks := []step{do("get", "config.prefix", room(9)), do("random", span{stringsAt, len("config.prefix")})}
	spec := Spec{Name: "x", Wasm: guest(wire.ExportIncoming, asks...), Isolation: Pooled, Config: map[string]any{"x": 1}}
	spec.Missed = func(key string, _ []string) { told = key }
	if _, err := load(t, Env{}, spec).Handle(t.Context(), exchange(t, incoming)); told != "prefix" {
		t.Errorf("%q, %v", told, err)
	}
}

// The names are the module's own, and as many as it likes.
func TestMissedSettingsAreBounded(t *testing.T) {
	var asks []step
	for i := range missedMax + 20 {
		asks = append(asks, do("get_int", "config.a"+strings.Repeat("b", i)))
	}
	told := 0
	spec := Spec{Name: "x", Wasm: guest(wire.ExportIncoming, asks...), Config: map[string]any{"x": 1}, Missed: func(string, []string) { told++ }}
	if _, err := load(t, Env{}, spec).Handle(t.Context(), exchange(t, incoming)); err != nil || told != missedMax {
		t.Errorf("told %d times, %v", told, err)
	}
}
