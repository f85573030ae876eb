package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway/admin"
)

// globals are the flags that every command has.
type globals struct {
	configFile string
	json       bool
}

func newRoot() *cobra.Command {
	g := &globals{}
	root := family("mmgw", "A mailing-list gateway that WebAssembly modules extend",
		initCommand(g), demoCommand(g), serveCommand(g), checkCommand(g), configCommand(g),
		mtaFamily(g), aliasesCommand(g), listFamily(g), memberFamily(g), queueFamily(g),
		pluginFamily(g), bounceFamily(), verpFamily(g), suppressFamily(g), dkimFamily(g),
		textCommand(g), qmailCommand(), sendCommand(g), sinkCommand(), versionCommand(g))
	root.Example = "  mmgw demo\n  mmgw init site && mmgw --config site/mmgw.toml serve"
	root.PersistentFlags().StringVar(&g.configFile, "config", "", "the configuration `file` (default $MMGW_CONFIG, else /etc/mmgw/mmgw.toml)")
	root.PersistentFlags().BoolVar(&g.json, "json", false, "print JSON instead of text")
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetHelpCommand(helpCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	strict(root)
	return root
}

// helpCommand is like cobra's own, but an unknown command is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Help about any command", Example: "  mmgw help queue drop", Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err == nil && len(rest) > 0 {
				err = errors.New(noCommand(about, rest[0]))
			}
			if err != nil {
				return usageError(c, err.Error())
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// family is a command that only has subcommands.
func family(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short}
	c.AddCommand(commands...)
	return c
}

// removals are the names by which people look for a command that removes something.
var removals = []string{"rm", "remove", "delete"}

// noCommand says that a family has no command of a name, and suggests similar ones.
func noCommand(c *cobra.Command, name string) string {
	text := fmt.Sprintf("there is no command %q", name)
	c.SuggestionsMinimumDistance = max(1, len(name)/3)
	if near := c.SuggestionsFor(name); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return text
}

// strict makes every mistake on a command line a usage error. cobra itself prints the help
// of a family and succeeds, whatever follows its name.
func strict(c *cobra.Command) {
	if slices.Contains(removals, c.Name()) {
		c.SuggestFor = removals
	}
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usageError(c, err.Error()) })
	if !c.Runnable() {
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError(c, noCommand(c, args[0]))
			}
			return usageError(c, "which command? One of: "+strings.Join(names(c), " "))
		}
	} else if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError(c, err.Error())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		strict(sub)
	}
}

func names(c *cobra.Command) []string {
	var all []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			all = append(all, sub.Name())
		}
	}
	return all
}

func usageError(c *cobra.Command, text string) error {
	return &admin.Error{Exit: admin.ExitUsage, Text: fmt.Sprintf("%s\nusage: %s\nmore: %s --help", text, c.UseLine(), c.CommandPath())}
}
