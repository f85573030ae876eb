package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/demo"
)

func demoCommand(g *globals) *cobra.Command {
	options := demo.Options{Version: version()}
	c := &cobra.Command{
		Use: "demo", Short: "Show the main job in one process: no root, no MTA, nothing left behind", Args: cobra.NoArgs,
		Long: "Runs a gateway with its own temporary state between an LMTP client and an SMTP server of\n" +
			"its own: real messages through sandboxed handlers, spool, VERP and SMTP. Exit 0 only if\nevery copy arrived.",
		Example: "  mmgw demo\n  mmgw demo --members 1000 --json",
		RunE: func(c *cobra.Command, _ []string) error {
			if options.Members < 1 || options.Members > demo.MembersMax {
				return usageError(c, fmt.Sprintf("--members is 1 to %d", demo.MembersMax))
			}
			result, err := demo.Run(c.Context(), options)
			if result == nil {
				return err
			}
			if shown := g.show(c, result, func(w io.Writer) { io.WriteString(w, result.Text()) }); shown != nil {
				return shown
			}
			if err != nil {
				return failure(admin.ExitFindings, "%s", oneLine(err))
			}
			return nil
		},
	}
	c.Flags().IntVar(&options.Members, "members", 25, "how many `members` the list has")
	return c
}
