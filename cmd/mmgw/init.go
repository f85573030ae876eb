package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/plugins"
)

func initCommand(g *globals) *cobra.Command {
	var mta string
	c := &cobra.Command{
		Use:   "init [--mta NAME] [DIR]",
		Short: "Write a first configuration and an example list",
		Long: "Writes a commented " + config.ExampleFile + " and the members of its list into DIR, which is made if\n" +
			"it does not exist, or into the current directory. Existing files are not overwritten.",
		Example: "  mmgw init\n  mmgw init --mta exim4 /etc/mmgw",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if known := writers(); !slices.Contains(known, mta) && mta != "exim" {
				return usageError(c, fmt.Sprintf("--mta: there is no writer %q; there are %s", mta, strings.Join(known, ", ")))
			}
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return g.writeExample(c, dir, mta)
		},
	}
	c.Flags().StringVar(&mta, "mta", "postfix", "the MTA in front of the gateway: the `name` of a writer")
	return c
}

// writers are the built-in plugins that render the files of an MTA.
func writers() []string {
	return slices.DeleteFunc(plugins.Names(), func(name string) bool {
		wasm, _ := plugins.Lookup(name)
		info, err := sandbox.Inspect(wasm)
		return err != nil || !slices.Contains(info.Hooks, "mta_config")
	})
}

// writeExample writes both files, or none if one of them exists already.
func (g *globals) writeExample(c *cobra.Command, dir, mta string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return failure(admin.ExitCantCreate, "%v", err)
	}
	file, members := config.Example(mta)
	path := filepath.Join(dir, config.ExampleFile)
	membersPath := filepath.Join(dir, config.ExampleMembersFile)
	for _, p := range []string{path, membersPath} {
		if _, err := os.Lstat(p); err == nil {
			return failure(admin.ExitCantCreate, "%s exists already and was not changed", p)
		}
	}
	if err := errors.Join(writeNew(membersPath, members), writeNew(path, file)); err != nil {
		return failure(admin.ExitCantCreate, "%v", err)
	}
	v := struct {
		Config  string `json:"config"`
		Members string `json:"members"`
	}{path, membersPath}
	return g.show(c, v, func(w io.Writer) {
		fmt.Fprintf(w, `wrote %s and %s

what to do next:
  edit %s
  mmgw --config %s check
  mmgw --config %s mta show     what to tell the MTA
  mmgw --config %s serve
`, path, membersPath, path, path, path, path)
	})
}

// writeNew writes a file that does not exist yet.
func writeNew(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(0o644))
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
