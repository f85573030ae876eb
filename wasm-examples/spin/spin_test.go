package main

import (
	"testing"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/sdktest"
)

func TestWanted(t *testing.T) {
	for _, test := range []struct {
		mail   string
		config map[string]any
		want   bool
	}{
		{"Subject: x\n\n", nil, false},
		{"X-Spin: yes\n\n", nil, true},
		{"Subject: x\n\n", map[string]any{"always": true}, true},
	} {
		h := sdktest.Host{Mail: test.mail, Config: test.config}
		var got bool
		h.Incoming(func(m *sdk.Message) error {
			got = wanted(m)
			return nil
		})
		if got != test.want {
			t.Errorf("%q, %v: %v", test.mail, test.config, got)
		}
	}
}
