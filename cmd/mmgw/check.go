package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/server"
)

func checkCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Check everything that serve would refuse, without starting", Args: cobra.NoArgs,
		Long: "Reads the configuration with all its files, loads every module, and renders the MTA's files. It\n" +
			"reports all problems in one run, each with what to do about it, and exits 78 if there are any.",
		Example: "  mmgw check --config site/mmgw.toml",
		RunE: func(c *cobra.Command, _ []string) error {
			var doubts config.Problems
			cfg, err := g.load()
			if err == nil {
				if doubts, err = server.Check(c.Context(), cfg, server.Env{Version: version()}); err != nil {
					err = problemsOf(cfg, err)
				}
			}
			var problems config.Problems
			switch {
			case err == nil:
			case !errors.As(err, &problems):
				return err
			case !g.json:
				return slices.Concat(problems, doubts)
			}
			return g.showCheck(c, cfg, problems, doubts)
		},
	}
}

// showCheck prints the result of a check. Only --json prints problems here: as text they
// are the error of the command.
func (g *globals) showCheck(c *cobra.Command, cfg *config.Config, found, doubts config.Problems) error {
	v := struct {
		OK       bool            `json:"ok"`
		Problems config.Problems `json:"problems"`
		Doubts   config.Problems `json:"doubts"`
		Unused   []string        `json:"unused"`
	}{len(found) == 0, append(config.Problems{}, found...), append(config.Problems{}, doubts...), []string{}}
	if cfg != nil {
		v.Unused = append(v.Unused, server.Unused(cfg)...)
	}
	err := g.show(c, v, func(w io.Writer) {
		fmt.Fprintf(w, "%s: no problems; %s\n", cfg.File, plural(len(cfg.Lists), "list"))
		for _, p := range doubts {
			fmt.Fprintf(w, "note: %v\n", p)
		}
		for _, name := range v.Unused {
			fmt.Fprintf(w, "note: this version reads %s and does not act on it\n", name)
		}
	})
	if err == nil && !v.OK {
		return silent(admin.ExitConfig)
	}
	return err
}
