package server

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway/config"
)

// Reload takes a new configuration on without a pause: lists, their members,
// handlers, the planner and the writer, with the modules behind them. Messages
// in progress end on the modules that they began with. A configuration that
// moves a listener or the state directory, or whose modules do not load,
// changes nothing. What else has changed waits for a restart and is named in
// the log.
func (s *Server) Reload(ctx context.Context, cfg *config.Config) error {
	if moved := movedKeys(s.cfg, cfg); len(moved) > 0 {
		return fmt.Errorf("%s: changed; restart mmgw for that, nothing was reloaded", strings.Join(moved, ", "))
	}
	set, err := loadModules(ctx, s.host, cfg)
	if err != nil {
		return err
	}
	if err := setLists(s.roster, cfg); err != nil {
		set.close()
		return err
	}
	s.retire(s.loaded.Swap(set), cfg.Incoming.Timeout)
	s.listsChanged()
	if waiting := waitingSections(s.cfg, cfg); len(waiting) > 0 {
		s.log.Warn("reloaded; some changes wait for a restart", "sections", waiting)
	} else {
		s.log.Info("reloaded")
	}
	return nil
}

// retire closes a set of modules when no chain can be running on it any more.
func (s *Server) retire(old *moduleSet, chainTimeout time.Duration) {
	s.retired.Go(func() {
		select {
		case <-time.After(2 * chainTimeout):
		case <-s.closing:
		}
		old.close()
	})
}

// movedKeys are the keys that a running gateway cannot follow.
func movedKeys(old, next *config.Config) []string {
	var keys []string
	for _, k := range []struct {
		name string
		same bool
	}{
		{"state_dir", old.StateDir == next.StateDir},
		{"mta.lmtp_host or lmtp_port", old.MTA.ListenAddress() == next.MTA.ListenAddress()},
		{"mta.lmtp_socket", old.MTA.LMTPSocket == next.MTA.LMTPSocket},
		{"metrics.listen", old.Metrics == next.Metrics},
	} {
		if !k.same {
			keys = append(keys, k.name)
		}
	}
	return keys
}

// waitingSections are the sections whose changes take a restart.
func waitingSections(old, next *config.Config) []string {
	a, b := *old, *next
	for _, c := range []*config.Config{&a, &b} {
		c.Lists, c.Plugins, c.Incoming.Handlers, c.Outgoing.Handlers = nil, nil, nil, nil
		c.MTA.Incoming, c.MTA.Outgoing, c.MTA.Configuration = "", "", nil
	}
	var names []string
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range x.NumField() {
		if !reflect.DeepEqual(x.Field(i).Interface(), y.Field(i).Interface()) {
			names = append(names, strings.ToLower(x.Type().Field(i).Name))
		}
	}
	return names
}
