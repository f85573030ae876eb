package main

import (
	"bufio"
	"errors"
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
		memberLs(g), memberFind(g),
		memberChange(g, "add", "added", "Add members to a list",
			"An address may have a name, as in \"Anne <anne@example.com>\". Members stay as they are."),
		memberChange(g, "remove", "removed", "Remove members from a list",
			"One that the configuration names is remembered as left: a reload does not bring it back."),
		memberChange(g, "disable", "disabled", "Send members no posts until they are enabled",
			"They stay members and may post: for holidays, or for the second address of a person."),
		memberChange(g, "enable", "enabled", "Send posts to disabled members again",
			"Bounces that disabled them are forgotten."),
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
		Use: "ls LIST", Short: "Show the members of a list, and who has left", Args: cobra.ExactArgs(1),
		Example: "  mmgw member ls announce@lists.example.com",
		RunE: func(c *cobra.Command, args []string) error {
			out := rows[server.MemberRow]{w: c.OutOrStdout(), json: g.json, head: "ADDRESS STATE SCORE SOURCE LAST-BOUNCE", cells: memberCells}
			err := g.withGateway(c, func(call gatewayCall) error { return members(call, args[0], out.show) })
			if err != nil {
				return err
			}
			return out.end()
		},
	}
}

func memberCells(r *server.MemberRow) []string {
	state := r.State
	if r.Suppressed && state == "enabled" {
		state = "suppressed"
	}
	return []string{r.Address, state, strconv.FormatFloat(r.Score, 'g', 4, 64), r.Source, r.LastBounce}
}

func memberFind(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "find ADDR", Short: "Show the lists that an address is on, or has left", Args: cobra.ExactArgs(1),
		Example: "  mmgw member find anne@example.com\n" +
			"  mmgw member find anne@example.com --json | jq -r '.[].list' | xargs -I LIST mmgw member remove LIST anne@example.com",
		RunE: func(c *cobra.Command, args []string) error {
			var found []server.Membership
			if err := g.call(c, "member.find", server.MemberAddress{Address: args[0]}, &found); err != nil {
				return err
			}
			return g.show(c, found, func(w io.Writer) {
				var cells [][]string
				for _, m := range found {
					cells = append(cells, append([]string{m.List}, memberCells(&m.MemberRow)[1:]...))
				}
				table(w, "", "LIST STATE SCORE SOURCE LAST-BOUNCE", cells)
			})
		},
	}
}

// memberChange is a command that changes members named one by one. All addresses are
// checked before the first of them is changed.
func memberChange(g *globals, verb, done, short, long string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " LIST ADDR...", Short: short, Long: short + ".\n" + long, Args: cobra.MinimumNArgs(2),
		Example: "  mmgw member " + verb + " announce@lists.example.com anne@example.com",
		RunE: func(c *cobra.Command, args []string) error {
			var count server.MemberCount
			if err := g.call(c, "member."+verb, server.MemberChange{List: args[0], Members: args[1:]}, &count); err != nil {
				return err
			}
			return g.show(c, count, func(w io.Writer) { fmt.Fprintf(w, "%s %d of %d\n", done, count.Changed, count.Of) })
		},
	}
}

func memberExport(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "export LIST", Short: "Write the members as a members file",
		Long: "Writes the members of a list, one address per line, as `mmgw member import` and the configuration\n" +
			"read them. Disabled members are written as comments.",
		Example: "  mmgw member export announce@lists.example.com >announce.members",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			out := bufio.NewWriter(c.OutOrStdout())
			err := g.withGateway(c, func(call gatewayCall) error {
				return members(call, args[0], func(page []server.MemberRow) error { return exportMembers(out, page) })
			})
			return errors.Join(err, out.Flush())
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
