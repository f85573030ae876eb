package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/notice"
)

func textCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "text [NAME]", Short: "Print a text that people get by mail, to be changed",
		Long: "Prints a built-in text, or the names of all of them. A file NAME.txt in the folder text_dir\n" +
			"replaces it; `mmgw check` tries it out, and SIGHUP puts it to use. It is a template of Go's\n" +
			"text/template.",
		Example: "  mmgw text\n  mmgw text joined >/etc/mmgw/texts/joined.txt",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			names := notice.Names()
			if len(args) == 0 {
				return g.show(c, names, func(w io.Writer) { fmt.Fprintln(w, strings.Join(names, "\n")) })
			}
			if !slices.Contains(names, args[0]) {
				return failure(admin.ExitData, "there is no text %q; there are %s", gateway.Printable(args[0]), strings.Join(names, ", "))
			}
			return g.show(c, notice.BuiltIn(args[0]), func(w io.Writer) { fmt.Fprint(w, notice.BuiltIn(args[0])) })
		},
	}
}
