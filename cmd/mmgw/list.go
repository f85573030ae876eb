package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway/server"
)

func listFamily(g *globals) *cobra.Command {
	return family("list", "Mailing lists: those of the configuration, and those made at run time",
		listLs(g), listShow(g), listCreate(g), listSet(g), listDelete(g))
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
	settings := []string{}
	for _, key := range slices.Sorted(maps.Keys(r.Config)) {
		settings = append(settings, fmt.Sprintf("%s=%v", key, r.Config[key]))
	}
	pairs(w, "address", r.Address, "id", r.ID, "description", r.Description,
		"owners", strings.Join(r.Owners, " "), "moderators", strings.Join(r.Moderators, " "), "members", members,
		"posting", r.Posting, "subscribe", r.Subscribe, "alias domain", r.AliasDomain,
		"verp interval", strconv.Itoa(r.VERPInterval), "personalize", strconv.FormatBool(r.Personalize),
		"unsubscribe", r.Unsubscribe, "quiet hold", strconv.FormatBool(r.QuietHold), "incoming", strings.Join(r.Incoming, " "), "config", strings.Join(settings, " "), "source", r.Source)
}

func listCreate(g *globals) *cobra.Command {
	var settings listSettings
	c := &cobra.Command{
		Use: "create ADDR", Short: "Make a list",
		Example: "  mmgw list create dev@lists.example.com --owner anne@example.com",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			given, err := settings.given(c)
			if err != nil {
				return usageError(c, err.Error())
			}
			return g.changeList(c, "created", "list.create", server.NewList{Address: args[0], ListSettings: given})
		},
	}
	settings.flags(c)
	return c
}

func listSet(g *globals) *cobra.Command {
	var settings listSettings
	c := &cobra.Command{
		Use: "set LIST", Short: "Change a list that was made at run time",
		Long:    "Changes a list that was made at run time, in what the flags name; the rest of it,\nand its members, stay. A list of the configuration is changed there.",
		Example: "  mmgw list set dev@lists.example.com --owner bart@example.com --posting moderated\n  mmgw list set dev@lists.example.com --moderator ''   # nobody\n  mmgw list set dev@lists.example.com --set 'prefix=[dev]' --unset reply_to",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			given, err := settings.given(c)
			if err == nil && reflect.DeepEqual(given, server.ListSettings{Config: map[string]any{}}) {
				err = errors.New("name what to change, such as --owner")
			}
			if err != nil {
				return usageError(c, err.Error())
			}
			return g.changeList(c, "changed", "list.set", server.ChangedList{ListName: server.ListName{List: args[0]}, ListSettings: given})
		},
	}
	settings.flags(c)
	c.Flags().StringArrayVar(&settings.unset, "unset", nil, "take a `key` of --set away again; may be given again")
	return c
}

// listSettings are the flags of a list's settings.
type listSettings struct {
	owners, moderators                           []string
	description, posting, subscribe, unsubscribe string
	quietHold, personalize                       bool
	verpInterval                                 int
	set, unset                                   []string
}

func (l *listSettings) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&l.owners, "owner", nil, "`address` of an owner; may be given again")
	f.StringArrayVar(&l.moderators, "moderator", nil, "`address` of a moderator, who is asked beside the owners; may be given again")
	f.StringVar(&l.description, "description", "", "what the list is for, in a `line`")
	f.StringVar(&l.posting, "posting", "", "`who` may post: members (as in a new list), anyone or moderated")
	f.StringVar(&l.subscribe, "subscribe", "", "`how` to join: confirm (as in a new list), moderated or closed")
	f.StringVar(&l.unsubscribe, "unsubscribe", "", "`how` to leave: list, by mail (as in a new list), or member, by one click ([http] url)")
	f.BoolVar(&l.quietHold, "quiet-hold", false, "do not tell the author of a post that it is held")
	f.BoolVar(&l.personalize, "personalize", false, "each member gets a copy of its own")
	f.IntVar(&l.verpInterval, "verp-interval", 0, "every `Nth` post tells members apart; 0: none (in a new list as [verp])")
	f.StringArrayVar(&l.set, "set", nil, "a setting of the list for its handlers as `key=value`, such as prefix=[dev]; may be given again")
}

// given are the settings whose flags are on the command line.
func (l *listSettings) given(c *cobra.Command) (s server.ListSettings, err error) {
	setIf(c, "owner", &s.Owners, &l.owners)
	setIf(c, "moderator", &s.Moderators, &l.moderators)
	setIf(c, "description", &s.Description, &l.description)
	setIf(c, "posting", &s.Posting, &l.posting)
	setIf(c, "subscribe", &s.Subscribe, &l.subscribe)
	setIf(c, "unsubscribe", &s.Unsubscribe, &l.unsubscribe)
	setIf(c, "quiet-hold", &s.QuietHold, &l.quietHold)
	setIf(c, "personalize", &s.Personalize, &l.personalize)
	setIf(c, "verp-interval", &s.VERPInterval, &l.verpInterval)
	s.Config, err = readSettings(l.set)
	for _, key := range l.unset {
		s.Config[key] = nil
	}
	return s, err
}

func setIf[T any](c *cobra.Command, flag string, to **T, value *T) {
	if c.Flags().Changed(flag) {
		*to = value
	}
}

func listDelete(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "delete LIST", Short: "Delete a list that was made at run time, with its members",
		Long: "Deletes a list that was made at run time, with its members. What is queued for it is still\n" +
			"delivered. To delete a list of the configuration, edit the configuration.",
		Example: "  mmgw list delete dev@lists.example.com",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.changeList(c, "deleted", "list.delete", server.ListName{List: args[0]})
		},
	}
}

// changeList makes, changes or deletes a list, and says how the MTA learns of it.
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
			fmt.Fprintln(w, "to tell the MTA: mmgw mta apply")
		}
	})
}
