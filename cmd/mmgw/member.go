package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/server"
)

func memberFamily(g *globals) *cobra.Command {
	return family("member", "Members of a list",
		memberLs(g),
		memberChange(g, "add", "added", "Add members to a list",
			"An address may stand with a name, as \"Anne <anne@example.com>\". Members stay as they are."),
		memberChange(g, "remove", "removed", "Remove members from a list",
			"One that the configuration names is remembered as left: a reload does not bring it back."),
		memberChange(g, "reset", "reset", "Forget what happened to members since the configuration named them",
			"What a member's file says counts again. Score and disabling are forgotten too."),
		memberImport(g), memberExport(g))
}

// members calls do for each page of a list's members.
func members(call gatewayCall, list string, do func([]server.MemberRow) error) error {
	page := server.MemberPage{List: list}
	for {
		var got server.MemberRows
		if err := call("member.ls", page, &got); err != nil {
			return err
		}
		if err := do(got.Rows); err != nil {
			return err
		}
		if page.After = got.Next; page.After == "" {
			return nil
		}
	}
}

func memberLs(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "ls LIST", Short: "Show the members of a list, and who left", Args: cobra.ExactArgs(1),
		Example: "  mmgw member ls announce@lists.example.com",
		RunE: func(c *cobra.Command, args []string) error {
			rows := []server.MemberRow{}
			err := g.withGateway(c, func(call gatewayCall) error {
				return members(call, args[0], func(page []server.MemberRow) error {
					rows = append(rows, page...)
					return nil
				})
			})
			if err != nil {
				return err
			}
			return g.show(c, rows, func(w io.Writer) { writeMembers(w, rows) })
		},
	}
}

func writeMembers(w io.Writer, rows []server.MemberRow) {
	var cells [][]string
	for _, r := range rows {
		state := r.State
		if r.Suppressed && state == "enabled" {
			state = "suppressed"
		}
		cells = append(cells, []string{r.Address, state, strconv.FormatFloat(r.Score, 'g', 4, 64), r.Source, r.LastBounce})
	}
	table(w, "", "ADDRESS STATE SCORE SOURCE LAST-BOUNCE", cells)
}

// memberChange is a command that changes members named one by one. All
// addresses are read before the first of them is changed.
func memberChange(g *globals, verb, done, short, long string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " LIST ADDR...", Short: short, Long: short + ".\n" + long, Args: cobra.MinimumNArgs(2),
		Example: "  mmgw member " + verb + " announce@lists.example.com anne@example.com",
		RunE: func(c *cobra.Command, args []string) error {
			var count server.MemberCount
			err := g.withGateway(c, func(call gatewayCall) error {
				return call("member."+verb, server.MemberChange{List: args[0], Members: args[1:]}, &count)
			})
			if err != nil {
				return err
			}
			return g.show(c, count, func(w io.Writer) { fmt.Fprintf(w, "%s %d of %d\n", done, count.Changed, count.Of) })
		},
	}
}

func memberExport(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "export LIST", Short: "Write the members as a members file",
		Long:    "Writes the members of a list, one address a line, as `mmgw member import` and the\nconfiguration read it. Disabled ones stand there as comments.",
		Example: "  mmgw member export announce@lists.example.com >announce.members",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.withGateway(c, func(call gatewayCall) error {
				return members(call, args[0], func(page []server.MemberRow) error { return exportMembers(c.OutOrStdout(), page) })
			})
		},
	}
}

func exportMembers(w io.Writer, rows []server.MemberRow) error {
	for _, r := range rows {
		line := config.FormatMember(gateway.Recipient{Path: gateway.ForwardPath(r.Address), Name: r.Name})
		switch r.State {
		case "left":
			continue
		case "disabled":
			line = "# disabled: " + line
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
