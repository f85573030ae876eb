package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/server"
	"github.com/mmgw/mmgw/mta/check"
)

// mtaCheck asks the MTA itself whether it uses the files.
func mtaCheck(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Find out whether the MTA really uses the files; exit 1 if it does not", Args: cobra.NoArgs,
		Long: "Asks the MTA: for its settings (postconf), its tables (postmap -q) or its routing (exim -bt),\n" +
			"the modes of the files and of the directories above them, where it delivers, and by SMTP which\n" +
			"recipients it takes and refuses. No message is sent, and nothing is changed. Each finding names\n" +
			"the line to change.",
		Example: "  mmgw mta check\n  mmgw mta check --json",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			found, err := server.CheckMTA(c.Context(), cfg, server.Env{Version: version()})
			if err != nil {
				return mtaFailure(err)
			}
			err = g.show(c, append([]check.Finding{}, found...), func(w io.Writer) { showFindings(w, found) })
			if err != nil || len(found) == 0 {
				return err
			}
			return silent(admin.ExitFindings)
		},
	}
}

// showFindings writes findings in the form of compilers, each with what to do below it.
func showFindings(w io.Writer, found []check.Finding) {
	for _, f := range found {
		switch {
		case f.Line > 0:
			fmt.Fprintf(w, "%s:%d: ", f.File, f.Line)
		case f.File != "":
			fmt.Fprintf(w, "%s: ", f.File)
		}
		fmt.Fprintf(w, "%s\n  %s\n", f.Finding, f.Fix)
	}
	if len(found) == 0 {
		fmt.Fprintln(w, "the MTA uses the files of mmgw; nothing was found")
	}
}
