package server

import (
	"cmp"
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/mta"
	"github.com/mmgw/mmgw/mta/check"
)

// CheckMTA finds out whether the MTA uses what is written for it, with the
// lists of the gateway that runs, if one does.
func CheckMTA(ctx context.Context, cfg *config.Config, env Env) ([]check.Finding, error) {
	env = env.withDefaults()
	told, err := whatMTAIsTold(ctx, cfg, env)
	if err != nil {
		return nil, err
	}
	dir := MTADir(cfg)
	files, err := renderTold(ctx, cfg, env, dir, told)
	if err != nil {
		return nil, err
	}
	site := siteOf(cfg, told.Listening, dir)
	options := MTAOptions(cfg)
	return check.Run(ctx, check.Site{
		Writer: cfg.MTA.Incoming, Tree: &mta.Tree{Dir: dir}, Files: files, FileType: options.FileType,
		Delimiter: cfg.VERP.Delimiter, Lists: told.Lists, Domains: mtaDomains(told.Lists, cfg.Forwards),
		LMTP: endpointOf(site.LMTPTarget, site.LMTPSocket), Lookup: endpointOf(site.LookupTarget, site.LookupSocket),
		SocketGroup: cfg.LMTP.SocketGroup, SMTP: cfg.MTA.UpstreamAddress(), Postmap: beside(options.Postmap, "postmap"),
		Postconf: beside(options.Postmap, "postconf"), Exim: eximCommand(cfg),
	}), nil
}

// endpointOf prefers TCP, as the writers do.
func endpointOf(target, socket string) check.Endpoint {
	switch {
	case target != "":
		return check.Endpoint{Network: "tcp", Address: target}
	case socket != "":
		return check.Endpoint{Network: "unix", Address: socket}
	}
	return check.Endpoint{}
}

// mtaDomains are the domains by which the MTA knows lists and forward routes.
func mtaDomains(lists []gateway.List, forwards []config.Forward) []string {
	var all []string
	for i := range lists {
		all = append(all, cmp.Or(lists[i].AliasDomain, lists[i].Address.Domain()))
	}
	for _, forward := range forwards {
		all = append(all, forward.Domains...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// beside is the program of that name in the directory of a command, or else in
// that of no particular one.
func beside(command []string, name string) []string {
	if len(command) > 0 && filepath.IsAbs(command[0]) {
		return []string{filepath.Join(filepath.Dir(command[0]), name)}
	}
	return []string{name}
}

// eximCommand is [mta.configuration] exim_command, or Exim under the name that
// it has on this machine.
func eximCommand(cfg *config.Config) []string {
	if command, ok := cfg.MTA.Configuration["exim_command"].(string); ok && command != "" {
		return strings.Fields(command)
	}
	for _, name := range []string{"exim4", "/usr/sbin/exim4"} {
		if path, err := exec.LookPath(name); err == nil {
			return []string{path}
		}
	}
	return []string{"exim"}
}
