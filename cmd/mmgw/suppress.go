package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/server"
)

func suppressFamily(g *globals) *cobra.Command {
	return family("suppress", "Addresses that get no posts from any list",
		suppressLs(g), suppressAdd(g), suppressRm(g), suppressImport(g), suppressExport(g))
}

// suppressions calls do for each page of the list.
func (g *globals) suppressions(c *cobra.Command, do func([]server.Suppression) error) error {
	return g.withGateway(c, func(call gatewayCall) error {
		page := server.SuppressionPage{}
		for {
			var got server.Suppressions
			if err := call("suppress.ls", page, &got); err != nil {
				return err
			}
			if err := do(got.Rows); err != nil {
				return err
			}
			if page.After = got.Next; page.After == "" {
				return nil
			}
		}
	})
}

func suppressLs(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "Show the suppressed addresses", Args: cobra.NoArgs, Example: "  mmgw suppress ls",
		RunE: func(c *cobra.Command, _ []string) error {
			out := rows[server.Suppression]{w: c.OutOrStdout(), json: g.json, head: "ADDRESS ADDED EXPIRES REASON", cells: suppressionCells}
			if err := g.suppressions(c, out.show); err != nil {
				return err
			}
			return out.end()
		},
	}
}

func suppressionCells(r *server.Suppression) []string {
	expires := "never"
	if !r.Expires.IsZero() {
		expires = r.Expires.Format(time.RFC3339)
	}
	if r.Ended {
		expires += " (ended)"
	}
	return []string{r.Address, r.Added.Format(time.RFC3339), expires, r.Reason}
}

// suppressFlags are those of what puts addresses on the list.
func suppressFlags(c *cobra.Command, change *server.SuppressionChange) {
	c.Flags().StringVar(&change.Reason, "reason", "", "why, for people")
	c.Flags().StringVar(&change.For, "for", "", "for how long, as a `duration` like 30d (default for ever)")
}

func suppressAdd(g *globals) *cobra.Command {
	var change server.SuppressionChange
	c := &cobra.Command{
		Use: "add ADDR...", Short: "Suppress addresses", Args: cobra.MinimumNArgs(1),
		Long: "Sends addresses no more posts, of any list. They stay members. An earlier suppression of the\n" +
			"same address is replaced.",
		Example: "  mmgw suppress add --reason 'left the company' --for 365d anne@example.com",
		RunE: func(c *cobra.Command, args []string) error {
			change.Addresses = args
			return g.suppress(c, "suppress.add", "suppressed", change)
		},
	}
	suppressFlags(c, &change)
	return c
}

func suppressRm(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "rm ADDR...", Short: "Send posts to addresses again", Args: cobra.MinimumNArgs(1), Example: "  mmgw suppress rm anne@example.com",
		RunE: func(c *cobra.Command, args []string) error {
			return g.suppress(c, "suppress.rm", "released", server.SuppressionChange{Addresses: args})
		},
	}
}

// suppress makes a change, in as many calls as it takes.
func (g *globals) suppress(c *cobra.Command, operation, done string, change server.SuppressionChange) error {
	var count server.MemberCount
	err := g.withGateway(c, func(call gatewayCall) error {
		bar := progress{w: c.ErrOrStderr(), what: "suppress", total: len(change.Addresses)}
		defer bar.end()
		for some := range slices.Chunk(change.Addresses, server.MembersPerCall) {
			one := change
			one.Addresses = some
			var n server.MemberCount
			if err := call(operation, one, &n); err != nil {
				return err
			}
			count.Changed, count.Of = count.Changed+n.Changed, count.Of+n.Of
			if bar.total > server.MembersPerCall {
				bar.at(count.Of)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return g.show(c, count, func(w io.Writer) { fmt.Fprintf(w, "%s %d\n", done, count.Changed) })
}

func suppressImport(g *globals) *cobra.Command {
	var change server.SuppressionChange
	c := &cobra.Command{
		Use: "import FILE", Short: "Suppress the addresses of a file", Args: cobra.ExactArgs(1),
		Long: "Suppresses the addresses of a file, in the form that `mmgw member import` reads. If one line is\n" +
			"not an address, nothing is changed. - is standard input.",
		Example: "  mmgw suppress import --reason 'from the old server' suppressed.txt",
		RunE: func(c *cobra.Command, args []string) error {
			recipients, err := readMembers(c, args[0])
			if err != nil {
				return err
			}
			for _, r := range recipients {
				change.Addresses = append(change.Addresses, string(r.Path))
			}
			return g.suppress(c, "suppress.add", "suppressed", change)
		},
	}
	suppressFlags(c, &change)
	return c
}

func suppressExport(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "export", Short: "Write the suppressed addresses to a file", Args: cobra.NoArgs,
		Long: "Writes the suppressed addresses as `mmgw suppress import` reads them. When each ends, and why\n" +
			"it is there, are written as comments: on import, --for and --reason set them. Suppressions that\n" +
			"have ended are left out.",
		Example: "  mmgw suppress export >suppressed.txt",
		RunE: func(c *cobra.Command, _ []string) error {
			out := bufio.NewWriter(c.OutOrStdout())
			err := g.suppressions(c, func(page []server.Suppression) error { return exportSuppressions(out, page) })
			return errors.Join(err, out.Flush())
		},
	}
}

func exportSuppressions(w io.Writer, rows []server.Suppression) error {
	for _, r := range rows {
		line, comments := config.FormatMember(gateway.Recipient{Path: gateway.ForwardPath(r.Address)}), []string{}
		if r.Ended {
			continue
		}
		if !r.Expires.IsZero() {
			comments = append(comments, "until "+r.Expires.Format(time.RFC3339))
		}
		if r.Reason != "" {
			comments = append(comments, r.Reason)
		}
		if len(comments) > 0 {
			line += "  # " + strings.Join(comments, ": ")
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
