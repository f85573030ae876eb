package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/roster"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/mta"
)

// Check finds what Open would refuse beyond the configuration itself: modules
// that do not load or do not fit their place, and a writer that fails or does
// not give the same files twice, and lists of the file that the store has too.
// It makes no state and changes none.
func Check(ctx context.Context, cfg *config.Config, env Env) error {
	env = env.withDefaults()
	host, err := sandbox.New(sandbox.Env{Version: env.Version, Logger: env.Log})
	if err != nil {
		return err
	}
	defer host.Close(ctx)
	set, err := loadModules(ctx, host, cfg)
	if err != nil {
		return err
	}
	defer set.close()
	if err := checkLists(ctx, cfg, env); err != nil {
		return err
	}
	lists := make([]gateway.List, len(cfg.Lists))
	for i, list := range cfg.Lists {
		lists[i] = list.List
	}
	inventory := mta.Inventory(siteOf(cfg, cfg.MTA.ListenAddress(), MTADir(cfg)), lists, forwardsOf(cfg))
	if _, err := mta.RenderTwice(ctx, set.writer(), inventory); err != nil {
		return fmt.Errorf("mta.incoming = %q: %w", cfg.MTA.Incoming, err)
	}
	return nil
}

// checkLists looks for lists of the file that were made at run time too.
func checkLists(ctx context.Context, cfg *config.Config, env Env) error {
	if _, err := os.Stat(filepath.Join(cfg.StateDir, "db")); err != nil {
		return nil
	}
	without := *cfg
	without.Lists = nil
	made, err := allLists(ctx, &without, env)
	if err != nil {
		return fmt.Errorf("state_dir: %w", err)
	}
	var problems []error
	for _, list := range cfg.Lists {
		same := func(l gateway.List) bool {
			return l.Source == roster.SourceStore && l.Address.Key() == list.Address.Key()
		}
		if slices.ContainsFunc(made, same) {
			problems = append(problems, fmt.Errorf("%s:%d: the list %s was also made by `mmgw list create`; remove it here, or there with `mmgw list delete`", cfg.File, list.Line, list.Address))
		}
	}
	return errors.Join(problems...)
}

// Unused names the settings of cfg that this version reads and does not act
// on, so that nobody relies on them.
func Unused(cfg *config.Config) []string {
	defaults, err := config.Parse("defaults", nil, config.Options{})
	if err != nil {
		defaults = cfg
	}
	var names []string
	for _, key := range []struct {
		name string
		set  bool
	}{
		{"keep_for_replay", cfg.KeepForReplay != 0},
		{"lmtp.trusted_received", cfg.LMTP.TrustedReceived != 0},
		{"auth.dkim", len(cfg.Auth.DKIM) > 0},
		{"auth.arc", cfg.Auth.ARC},
		{"http.listen", cfg.HTTP.Listen.Network != ""},
		{"lookup.listen", cfg.Lookup.Listen.Network != ""},
		{"bounce (all but unrecognized)", scores(cfg) != scores(defaults)},
		{"list.unsubscribe = \"member\"", slices.ContainsFunc(cfg.Lists, func(l config.List) bool { return l.Unsubscribe == "member" })},
	} {
		if key.set {
			names = append(names, key.name)
		}
	}
	for name, p := range cfg.Plugins {
		if p.Shadow != "" {
			names = append(names, "plugins."+name+".shadow")
		}
		if p.Breaker != defaults.Plugin(name).Breaker {
			names = append(names, "plugins."+name+".breaker")
		}
	}
	slices.Sort(names)
	return names
}

// scores is the part of [bounce] by which members are scored.
func scores(cfg *config.Config) config.Bounce {
	b := cfg.Bounce
	b.Unrecognized = ""
	return b
}

// writerUse is the use of the module that writes the MTA's files.
func writerUse(cfg *config.Config) use {
	return use{cfg.MTA.Incoming, "mta.incoming", (*sandbox.Plugin).Writes}
}

var errFilter = errors.New(`kind = "filter" is not offered by this version; use a handler`)
