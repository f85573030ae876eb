package sdk_test

import (
	"fmt"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/sdktest"
)

// A handler is a function, and is tested as one.
func Example() {
	refuseEmpty := func(m *sdk.Message) error {
		if m.BodySize() == 0 {
			return m.Reject(550, "5.6.0", "an empty message is no post")
		}
		return nil
	}
	h := sdktest.Host{Mail: "Subject: nothing\n\n"}
	if err := h.Incoming(refuseEmpty); err != nil {
		fmt.Println(err)
	}
	fmt.Println(h.Verdict.Action, h.Verdict.Code, h.Verdict.Text)
	// Output: reject 550 an empty message is no post
}
