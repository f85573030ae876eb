package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is what the build says of itself: a release's tag, or a commit.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func versionCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version", Example: "  mmgw version", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			v := struct {
				Version  string `json:"version"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			return g.show(c, v, func(w io.Writer) { fmt.Fprintln(w, "mmgw", v.Version, v.Go, v.Platform) })
		},
	}
}

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
