package plugins_test

import (
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/writer"
)

// TestListNames: no list can be made whose name stops a writer, and with it the
// files of all other lists.
func TestListNames(t *testing.T) {
	names := 0
	for c := rune(' '); c < 0x180; c++ {
		for _, name := range []string{string(c), string(c) + "a", "a" + string(c), "a" + string(c) + "b", "a" + string(c) + string(c)} {
			address, err := gateway.ParseForwardPath(name + "@lists.example.com")
			if err != nil || gateway.CheckListAddress(address) != nil {
				continue
			}
			names++
			if err := writer.Check(string(address)); err != nil {
				t.Errorf("a list can be %s: %v", address, err)
			}
		}
	}
	if names < 300 {
		t.Errorf("%d names were tried", names)
	}
}
