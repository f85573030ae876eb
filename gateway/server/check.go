package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/notice"
	"github.com/mmgw/mmgw/gateway/roster"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/gateway/spool"
	"github.com/mmgw/mmgw/gateway/store"
	"github.com/mmgw/mmgw/mta"
)

// Check finds what Open would refuse beyond the configuration itself: modules
// that do not load or do not fit their place, and a writer that fails or does
// not give the same files twice, and lists of the file that the store has too.
// It makes no state and changes none. Doubts are what is not an error and most
// likely a mistake.
func Check(ctx context.Context, cfg *config.Config, env Env) (doubts config.Problems, err error) {
	env = env.withDefaults()
	host, err := sandbox.New(sandbox.Env{Version: env.Version, Logger: env.Log})
	if err != nil {
		return nil, err
	}
	defer host.Close(ctx)
	twice, doubts, err := checkLists(ctx, cfg, env)
	if err != nil {
		return nil, err
	}
	if free, total, ok := (store.FS{}).Free(cfg.StateDir); ok {
		doubts = append(doubts, crowded(cfg, free, total)...)
	}
	doubtful := func(p config.Problem) { doubts = append(doubts, p) }
	set, err := loadModules(ctx, loader{host: host, cfg: cfg, shelf: shelfOf(cfg), log: env.Log, doubtful: doubtful})
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		return doubts, err
	}
	_, wrong := openTexts(cfg)
	if problems = slices.Concat(checkStateDir(cfg), checkSocketGroup(cfg), checkSockets(cfg), wrong, twice, problems); len(problems) > 0 {
		if err == nil {
			set.close()
		}
		return doubts, problems
	}
	defer set.close()
	lists := make([]gateway.List, len(cfg.Lists))
	for i, list := range cfg.Lists {
		lists[i] = list.List
	}
	inventory := mta.Inventory(siteOf(cfg, cfg.MTA.ListenAddress(), MTADir(cfg)), lists, forwardsOf(cfg))
	if _, err := mta.RenderTwice(ctx, set.writer(), inventory); err != nil {
		return doubts, config.Problems{{
			File: cfg.File, Line: cfg.Lines[cfg.MTA.Incoming],
			Text: gateway.Printable(fmt.Sprintf("[mta] incoming = %q: %v", cfg.MTA.Incoming, err)),
		}}
	}
	return doubts, nil
}

// checkStateDir tries whether a state directory that is not there can be made,
// by a directory in the nearest one that is. It does not stay.
func checkStateDir(cfg *config.Config) config.Problems {
	if hasState(cfg) {
		return nil // it was opened
	}
	dir := cfg.StateDir
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	tried, err := os.MkdirTemp(dir, ".mmgw-check-")
	if err == nil {
		err = os.Remove(tried)
	}
	if err == nil {
		return nil
	}
	if reason, ok := errors.AsType[*fs.PathError](err); ok {
		err = reason.Err
	}
	return config.Problems{{
		File: cfg.File, Text: fmt.Sprintf("state_dir %s cannot be made: %s: %v", cfg.StateDir, dir, err),
		Fix: "give a directory that the user who runs mmgw may write to",
	}}
}

// checkSocketGroup looks for the group that sockets are given to.
func checkSocketGroup(cfg *config.Config) config.Problems {
	name := cfg.LMTP.SocketGroup
	if name == "" || cfg.MTA.LMTPSocket == "" && cfg.Lookup.Listen.Network != "unix" {
		return nil
	}
	if _, err := user.LookupGroup(name); err != nil {
		return config.Problems{{
			File: cfg.File, Text: fmt.Sprintf("[lmtp] socket_group = %q: %v", name, err), Fix: "name a group that is there: the MTA's",
		}}
	}
	return nil
}

// checkSockets looks at the places of sockets. A directory that is not there yet may be
// made when the service starts.
func checkSockets(cfg *config.Config) (problems config.Problems) {
	sockets := map[string]string{"state_dir": filepath.Join(cfg.StateDir, AdminSocket), "[mta] lmtp_socket": cfg.MTA.LMTPSocket}
	if cfg.Lookup.Listen.Network == "unix" {
		sockets["[lookup] listen"] = cfg.Lookup.Listen.Address
	}
	for _, key := range slices.Sorted(maps.Keys(sockets)) {
		if path := sockets[key]; path != "" {
			if _, err := isSocket(path); err != nil {
				problems = append(problems, config.Problem{File: cfg.File, Text: key + ": " + err.Error(), Fix: "choose another path"})
			}
		}
	}
	return problems
}

// crowded is a doubt about a state directory on a disk that has no room for mail.
func crowded(cfg *config.Config, free, total uint64) (doubts config.Problems) {
	if reserve := spool.Reserve(total); free < reserve {
		doubts = append(doubts, config.Problem{
			File: cfg.File, Text: fmt.Sprintf("state_dir %s has %s free, and mail is refused below %s", cfg.StateDir, wholeMiB(free), wholeMiB(reserve)),
			Fix: "make room there, or choose a directory on another disk",
		})
	}
	return doubts
}

func wholeMiB(octets uint64) string { return config.FormatSize(int64(octets >> 20 << 20)) }

// openTexts reads the texts of the site and tries them out. Each wrong one is a
// problem.
func openTexts(cfg *config.Config) (texts *notice.Texts, problems config.Problems) {
	texts, err := notice.Open(cfg.TextDir)
	all := []error{err}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		all = joined.Unwrap()
	}
	for _, err := range all {
		if err != nil {
			problems = append(problems, config.Problem{File: cfg.File, Text: "text_dir: " + gateway.Printable(err.Error()), Fix: "`mmgw text` prints the built-in texts to start from"})
		}
	}
	return texts, problems
}

// checkLists finds lists of the file that those made at run time are in the way
// of. Those whose names are service addresses of others are doubts.
func checkLists(ctx context.Context, cfg *config.Config, env Env) (problems, doubts config.Problems, err error) {
	without := *cfg
	without.Lists = nil
	told, err := whatMTAIsTold(ctx, &without, env)
	if err != nil {
		return nil, nil, fmt.Errorf("state_dir: %w", err)
	}
	lists := slices.DeleteFunc(told.Lists, func(l gateway.List) bool { return l.Source != roster.SourceStore })
	conflict := roster.Conflict(lists)
	problem := func(line int, text, fix string) config.Problem {
		return config.Problem{File: cfg.File, Line: line, Text: gateway.Printable("[[list]] " + text), Fix: fix}
	}
	for i := range cfg.Lists {
		lists = append(lists, cfg.Lists[i].List)
		if err := conflict(&cfg.Lists[i].List); err != nil {
			problems = append(problems, problem(cfg.Lists[i].Line, err.Error(), ""))
		}
	}
	for _, o := range roster.Overlaps(lists) {
		doubts = append(doubts, problem(o.List.Line, o.String(), "rename one of them, unless that is meant"))
	}
	return problems, doubts, nil
}

// Unused names the settings of cfg that this version reads and does not act
// on, so that nobody relies on them.
func Unused(cfg *config.Config) []string {
	var names []string
	for name, p := range cfg.Plugins {
		if p.Shadow != "" && !isFollowed(cfg, name) {
			names = append(names, "plugins."+name+".shadow")
		}
	}
	slices.Sort(names)
	return names
}
