package main

import "github.com/mmgw/mmgw/sdk"

// decide rules on a post by the role of its sender.
func decide(m *sdk.Message) error {
	if m.Service() != "post" {
		return nil
	}
	posting, _ := sdk.Get("list.posting")
	if posting == "anyone" {
		return nil // mmgw looks the sender up when it is asked, not before
	}
	role, _ := sdk.Get("sender.role")
	switch {
	case role == "owner", role == "moderator":
		return nil
	case posting == "moderated":
		return m.Hold("the list is moderated")
	case posting == "members" && role != "member":
		return m.Hold("posted by a non-member")
	}
	return nil
}
