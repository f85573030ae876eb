package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway/server"
)

func pluginSwap(g *globals) *cobra.Command {
	var reset bool
	c := &cobra.Command{
		Use: "swap NAME F.wasm | swap NAME --reset", Short: "Replace a module without a pause",
		Long: "Tries the module on a small message, and then has the gateway use it under the name. Messages\n" +
			"in progress finish with the module before. The swap outlasts a restart and overrides the\n" +
			"configuration, except where that sets sha256; --reset returns to the module of the\n" +
			"configuration. If the new module fails on messages on which the one before does not, the\n" +
			"gateway rolls back by itself. The last three versions are kept. If no gateway runs, the swap\n" +
			"takes effect at the next start.",
		Example: "  mmgw plugin swap tag tag-2.wasm\n  mmgw plugin swap tag --reset",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			swap := server.PluginSwap{Name: args[0], Reset: reset}
			if reset == (len(args) == 2) {
				return usageError(c, "give either a module or --reset")
			}
			if !reset {
				var err error
				if swap.Wasm, err = readModule(args[1]); err != nil {
					return err
				}
			}
			return g.exchange(c, "plugin.swap", swap)
		},
	}
	c.Flags().BoolVar(&reset, "reset", false, "go back to what the configuration names")
	return c
}

func pluginRollback(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "rollback NAME", Short: "Go back to the version before the present one",
		Long:    "Goes back to the version that was in use before the present one, which is not kept.",
		Example: "  mmgw plugin rollback tag", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.exchange(c, "plugin.rollback", server.PluginName{Name: args[0]})
		},
	}
}

// exchange exchanges a module, and shows what changes with that.
func (g *globals) exchange(c *cobra.Command, operation string, args any) error {
	var done server.PluginSwapped
	if err := g.call(c, operation, args, &done); err != nil {
		return err
	}
	return g.show(c, done, func(w io.Writer) { writeSwapped(w, done) })
}

func writeSwapped(w io.Writer, done server.PluginSwapped) {
	pairs(w, "plugin", done.Name, "digest", done.Digest, "before", done.Before,
		"new hooks", strings.Join(done.Hooks, " "), "lost hooks", strings.Join(done.LostHooks, " "))
	var can []string
	for _, a := range abilities {
		if slices.Contains(done.Capabilities, a[0]) {
			can = append(can, a[1])
		}
	}
	if len(can) > 0 {
		fmt.Fprintf(w, "It can do what the one before could not: %s.\n", listing(can, "and"))
	}
}
