package sdk_test

import (
	"slices"
	"testing"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/sdktest"
)

func TestLookupDNS(t *testing.T) {
	h := sdktest.Host{DNS: map[string][]string{"MX example.com": {"1 a.example.com", "2 b.example.com"}, "A silent.example.com": nil}}
	err := h.Incoming(func(m *sdk.Message) error {
		if records, err := sdk.LookupDNS(sdk.MX, "Example.com."); !slices.Equal(records, []string{"1 a.example.com", "2 b.example.com"}) || err != nil {
			t.Errorf("%q, %v", records, err)
		}
		for name, want := range map[string]error{"none.example.com": sdk.ErrNotFound, "silent.example.com": sdk.ErrTemporary, "a b": sdk.ErrBadArgument} {
			if records, err := sdk.LookupDNS(sdk.A, name); err != want {
				t.Errorf("%s: %q, %v", name, records, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
