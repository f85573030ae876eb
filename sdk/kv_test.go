package sdk_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/sdktest"
)

func TestKV(t *testing.T) {
	long := strings.Repeat("long ", 500)
	h := sdktest.Host{KV: map[string]string{"long": long, "7": "7"}}
	failure := errors.New("in vain")
	err := h.Incoming(func(m *sdk.Message) error {
		if value, err := sdk.KVGet("long"); value != long || err != nil {
			t.Errorf("%d octets, %v", len(value), err)
		}
		if _, err := sdk.KVGet("none"); err != sdk.ErrNotFound {
			t.Errorf("no value: %v", err)
		}
		if n, err := sdk.KVAdd("7", 2, 60); n != 9 || err != nil {
			t.Errorf("7 and 2 are %d, %v", n, err)
		}
		if n, err := sdk.KVAdd("new", -2, 60); n != 0 || err != nil {
			t.Errorf("a new counter is %d, %v", n, err)
		}
		for name, got := range map[string]error{
			"a counter of letters": func() error { _, err := sdk.KVAdd("long", 1, 0); return err }(),
			"no key":               sdk.KVSet("", "x", 0),
			"a negative time":      sdk.KVSet("x", "x", -1),
		} {
			if got != sdk.ErrBadArgument {
				t.Errorf("%s: %v", name, got)
			}
		}
		if err := sdk.KVSet("x", "x", 1<<40); err != sdk.ErrLimit {
			t.Errorf("a long time: %v", err)
		}
		if err := errors.Join(sdk.KVSet("kept", "x", 60), sdk.KVDelete("long")); err != nil {
			t.Error(err)
		}
		return failure
	})
	if err != failure || h.KV["kept"] != "x" || h.KV["7"] != "9" || h.KV["long"] != "" {
		t.Errorf("a handler that failed left %v", h.KV)
	}
}

func TestCount(t *testing.T) {
	var h sdktest.Host
	h.Incoming(func(*sdk.Message) error {
		sdk.Count("seen", 1)
		sdk.Count("seen", 2)
		sdk.Count("no name", 1)
		sdk.Count("less", -1)
		return nil
	})
	if !maps.Equal(h.Metrics, map[string]int64{"seen": 3}) {
		t.Errorf("counted %v", h.Metrics)
	}
}
