package server

import (
	"maps"
	"slices"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
)

// applySettings gives a list its settings, by the rules of [[list]].
func (s *Server) applySettings(list *gateway.List, with ListSettings) error {
	for _, paths := range []struct {
		to   *[]gateway.ForwardPath
		from *[]string
	}{{&list.Owners, with.Owners}, {&list.Moderators, with.Moderators}} {
		if err := applyPaths(paths.to, paths.from); err != nil {
			return err
		}
	}
	apply(&list.Description, with.Description)
	apply(&list.Posting, (*gateway.Posting)(with.Posting))
	apply(&list.Subscribe, with.Subscribe)
	apply(&list.QuietHold, with.QuietHold)
	apply(&list.Unsubscribe, with.Unsubscribe)
	apply(&list.Personalize, with.Personalize)
	apply(&list.VERPInterval, with.VERPInterval)
	applyConfig(&list.Config, with.Config)
	return s.checkSettings(list)
}

func applyConfig(to *map[string]any, from map[string]any) {
	config := maps.Clone(*to)
	if config == nil {
		config = map[string]any{}
	}
	maps.Copy(config, from)
	maps.DeleteFunc(config, func(_ string, value any) bool { return value == nil })
	*to = config
}

func apply[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// applyPaths reads addresses. An empty one says that there is none.
func applyPaths(to *[]gateway.ForwardPath, from *[]string) error {
	if from == nil {
		return nil
	}
	*to = nil
	for _, text := range *from {
		if text == "" && len(*from) == 1 {
			return nil
		}
		path, err := gateway.ParseForwardPath(text)
		if err != nil {
			return badData("%v", err)
		}
		*to = append(*to, path)
	}
	return nil
}

func (s *Server) checkSettings(list *gateway.List) error {
	if err := gateway.CheckDescription(list.Description); err != nil {
		return badData("description: %v", err)
	}
	switch {
	case !slices.Contains([]gateway.Posting{gateway.PostingMembers, gateway.PostingAnyone, gateway.PostingModerated}, list.Posting):
		return badData("posting is members, anyone or moderated, not %q", string(list.Posting))
	case !slices.Contains([]string{gateway.SubscribeConfirm, gateway.SubscribeModerated, gateway.SubscribeClosed}, list.Subscribe):
		return badData("subscribe is confirm, moderated or closed, not %q", list.Subscribe)
	case !slices.Contains([]string{config.UnsubscribeList, config.UnsubscribeMember}, list.Unsubscribe):
		return badData("unsubscribe is list or member, not %q", list.Unsubscribe)
	case list.Unsubscribe == config.UnsubscribeMember && s.inForce().HTTP.URL == "":
		return badData("unsubscribe = member leads members to [http] url, which is not set")
	case list.VERPInterval < 0 || list.VERPInterval > config.VERPIntervalMax:
		return badData("verp interval is 0 (never) to %d posts, not %d", config.VERPIntervalMax, list.VERPInterval)
	}
	return nil
}
