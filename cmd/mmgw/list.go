package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway/server"
)

func listFamily(g *globals) *cobra.Command {
	return family("list", "Mailing lists: those of the configuration, and those made at run time",
		listLs(g), listShow(g), listCreate(g), listDelete(g))
}

func listLs(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "Show all lists", Example: "  mmgw list ls --json", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var rows []server.ListRow
			if err := g.call(c, "list.ls", server.Nothing{}, &rows); err != nil {
				return err
			}
			return g.show(c, rows, func(w io.Writer) {
				var cells [][]string
				for _, r := range rows {
					cells = append(cells, []string{r.Address, r.Posting, r.Source, r.Description})
				}
				table(w, "", "ADDRESS POSTING SOURCE DESCRIPTION", cells)
			})
		},
	}
}

func listShow(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "show LIST", Short: "Show one list", Example: "  mmgw list show announce@lists.example.com", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var r server.ListRow
			if err := g.call(c, "list.show", server.ListName{List: args[0]}, &r); err != nil {
				return err
			}
			return g.show(c, r, func(w io.Writer) { writeList(w, r) })
		},
	}
}

func writeList(w io.Writer, r server.ListRow) {
	members := ""
	if r.Members != nil {
		members = strconv.Itoa(*r.Members)
	}
	pairs(w, "address", r.Address, "id", r.ID, "description", r.Description,
		"owners", strings.Join(r.Owners, " "), "moderators", strings.Join(r.Moderators, " "), "members", members,
		"posting", r.Posting, "subscribe", r.Subscribe, "alias domain", r.AliasDomain,
		"verp interval", strconv.Itoa(r.VERPInterval), "personalize", strconv.FormatBool(r.Personalize),
		"unsubscribe", r.Unsubscribe, "quiet hold", strconv.FormatBool(r.QuietHold), "incoming", strings.Join(r.Incoming, " "), "source", r.Source)
}

func listCreate(g *globals) *cobra.Command {
	var list server.NewList
	c := &cobra.Command{
		Use: "create ADDR", Short: "Make a list",
		Example: "  mmgw list create dev@lists.example.com --owner anne@example.com",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			list.Address = args[0]
			return g.changeList(c, "created", "list.create", list)
		},
	}
	c.Flags().StringArrayVar(&list.Owners, "owner", nil, "`address` of an owner; may be given again")
	c.Flags().StringVar(&list.Description, "description", "", "what the list is for, in a `line`")
	c.Flags().StringVar(&list.Posting, "posting", "members", "`who` may post: members, anyone or moderated")
	c.Flags().StringVar(&list.Subscribe, "subscribe", "confirm", "`how` to join: confirm, moderated or closed")
	c.Flags().BoolVar(&list.QuietHold, "quiet-hold", false, "do not tell the author of a post that it is held")
	return c
}

func listDelete(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "delete LIST", Short: "Delete a list that was made at run time, with its members",
		Long:    "Deletes a list that was made at run time, with its members. What it has queued is\nstill delivered. A list of the configuration is deleted there.",
		Example: "  mmgw list delete dev@lists.example.com",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.changeList(c, "deleted", "list.delete", server.ListName{List: args[0]})
		},
	}
}

// changeList makes or deletes a list, and says how the MTA hears of it.
func (g *globals) changeList(c *cobra.Command, done, operation string, args any) error {
	var change server.ListChange
	if err := g.call(c, operation, args, &change); err != nil {
		return err
	}
	return g.show(c, change, func(w io.Writer) {
		fmt.Fprintln(w, done, change.Address)
		if change.Note != "" {
			fmt.Fprintln(w, "note:", change.Note)
		}
		if !change.Running {
			fmt.Fprintln(w, "the MTA hears of it by: mmgw mta apply")
		}
	})
}
