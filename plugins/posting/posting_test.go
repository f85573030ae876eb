package main

import (
	"testing"

	"github.com/mmgw/mmgw/sdk/sdktest"
)

func TestDecide(t *testing.T) {
	for _, c := range []struct{ posting, role, want string }{
		{"anyone", "none", ""},
		{"members", "member", ""},
		{"members", "owner", ""},
		{"members", "none", "posted by a non-member"},
		{"members", "", "posted by a non-member"},
		{"moderated", "owner", ""},
		{"moderated", "moderator", ""},
		{"moderated", "member", "the list is moderated"},
		{"moderated", "none", "the list is moderated"},
	} {
		for _, service := range []string{"post", "owner"} {
			h := sdktest.Host{
				Mail: "From: a@example.com\n\n", Recipients: []string{"dev@lists.example.com"},
				Keys: map[string]string{"list.posting": c.posting, "sender.role": c.role, "rcpt.0.service": service},
			}
			if err := h.Incoming(decide); err != nil {
				t.Fatal(err)
			}
			want := sdktest.Verdict{}
			if c.want != "" && service == "post" {
				want = sdktest.Verdict{Action: "hold", Text: c.want}
			}
			if h.Verdict != want {
				t.Errorf("%s by %q to %s: %+v, want %+v", c.posting, c.role, service, h.Verdict, want)
			}
		}
	}
}
