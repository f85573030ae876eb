package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/plugins"
)

func configCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "config", Short: "Show the effective configuration: every key, with the value in force",
		Example: "  mmgw config --config site/mmgw.toml", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			v := struct {
				File string `json:"file"`
				TOML string `json:"toml"`
			}{cfg.File, cfg.Text()}
			return g.show(c, v, func(w io.Writer) { io.WriteString(w, v.TOML) })
		},
	}
}

// load reads the configuration. Its error is config.Problems.
func (g *globals) load() (*config.Config, error) {
	return config.Load(g.path(), configOptions())
}

// stateDir reads only state_dir from the configuration. ok is false if load has to say
// what is wrong with it.
func (g *globals) stateDir() (dir string, ok bool) {
	return config.StateDir(g.path(), configOptions())
}

func (g *globals) path() string { return config.FindPath(g.configFile, os.Getenv("MMGW_CONFIG")) }

func configOptions() config.Options {
	return config.Options{
		Known: func(name string) bool { _, known := plugins.Lookup(name); return known },
		Root:  os.Geteuid() == 0,
	}
}
