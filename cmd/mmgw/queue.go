package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/server"
)

// queueRowsDefault is more rows than a person reads.
const queueRowsDefault = 1000

// queueChunk is how many messages one call changes, so that it does not take long.
const queueChunk = 500

func queueFamily(g *globals) *cobra.Command {
	return family("queue", "Messages that are accepted but not delivered yet",
		queueLs(g), queueShow(g),
		queueChange(g, "hold", "Keep messages from going on, until they are released"),
		queueChange(g, "release", "Let held messages go on"),
		queueChange(g, "retry", "Try messages at once that wait for a later attempt"),
		queueChange(g, "bounce", "Give messages up, and tell whoever sent them"),
		queueChange(g, "drop", "Throw messages away; nobody is told"),
		queueTop(g))
}

// selectionFlags are --list and --domain.
func selectionFlags(c *cobra.Command, sel *server.QueueSelection) {
	c.Flags().StringVar(&sel.List, "list", "", "messages of this `list`, or of this forward route")
	c.Flags().StringVar(&sel.Domain, "domain", "", "messages that came in for an address in this `domain`")
}

func queueLs(g *globals) *cobra.Command {
	var sel server.QueueSelection
	c := &cobra.Command{
		Use: "ls [ID...]", Short: "Show what is in the spool", Args: cobra.ArbitraryArgs,
		Example: "  mmgw queue ls --list announce@lists.example.com\n  mmgw queue ls --json --limit 0",
		RunE: func(c *cobra.Command, args []string) error {
			if sel.IDs = args; sel.Limit < 0 {
				return usageError(c, "--limit is 0 or more")
			}
			var got server.QueueRows
			if err := g.call(c, "queue.ls", sel, &got); err != nil {
				return err
			}
			if more := got.Total - len(got.Rows); more > 0 {
				fmt.Fprintf(c.ErrOrStderr(), "%s more: see --limit\n", plural(more, "row"))
			}
			return g.show(c, got.Rows, func(w io.Writer) { writeQueue(w, got.Rows) })
		},
	}
	selectionFlags(c, &sel)
	c.Flags().IntVar(&sel.Limit, "limit", queueRowsDefault, "show at most `N` rows; 0: "+strconv.Itoa(server.QueueRowsMax))
	return c
}

func writeQueue(w io.Writer, rows []server.QueueRow) {
	var cells [][]string
	for _, r := range rows {
		next := ""
		if r.NextAttempt != nil {
			next = clock(*r.NextAttempt)
		}
		cells = append(cells, []string{
			r.ID, r.List, r.State, "<" + r.ReversePath + ">", config.FormatSize(r.Size),
			strconv.Itoa(r.Pending), next, cmp.Or(r.Reason, r.LastReply),
		})
	}
	table(w, "", "ID LIST STATE REVERSE-PATH SIZE PENDING NEXT-ATTEMPT LAST-REPLY", cells)
}

func queueTop(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "top", Short: "Show which lists have the most in the spool", Args: cobra.NoArgs, Example: "  mmgw queue top",
		RunE: func(c *cobra.Command, _ []string) error {
			var rows []server.QueueTop
			if err := g.call(c, "queue.top", server.Nothing{}, &rows); err != nil {
				return err
			}
			return g.show(c, rows, func(w io.Writer) {
				var cells [][]string
				for _, r := range rows {
					cells = append(cells, []string{r.List, strconv.Itoa(r.Messages), strconv.Itoa(r.Held), strconv.Itoa(r.Pending), config.FormatSize(r.Size), clock(r.Oldest)})
				}
				table(w, "", "LIST MESSAGES HELD PENDING SIZE OLDEST", cells)
			})
		},
	}
}

func queueShow(g *globals) *cobra.Command {
	content := false
	c := &cobra.Command{
		Use: "show ID", Short: "Show one message: its legs, and who has not got it yet", Args: cobra.ExactArgs(1),
		Long: "Shows the legs of a message, and who has not got it yet; with --content the message itself, as\n" +
			"it came. On a terminal, characters that would control it show as question marks.",
		Example: "  mmgw queue show 6wk81xjz00\n  mmgw queue show 6wk81xjz00 --content >post.eml",
		RunE: func(c *cobra.Command, args []string) error {
			if content && g.json {
				return usageError(c, "--content does not print JSON: give it without --json")
			}
			if content {
				return g.withGateway(c, func(call gatewayCall) error { return writeContent(c.OutOrStdout(), call, args[0]) })
			}
			var m server.QueueMessage
			if err := g.call(c, "queue.show", server.QueueID{ID: args[0]}, &m); err != nil {
				return err
			}
			return g.show(c, m, func(w io.Writer) { writeMessage(w, m) })
		},
	}
	c.Flags().BoolVar(&content, "content", false, "write the message itself")
	return c
}

// writeContent writes a message piece by piece.
func writeContent(w io.Writer, call gatewayCall, id string) error {
	if isTerminal(w) {
		w = harmless{w}
	}
	for next := (server.QueuePiece{ID: id}); ; {
		var piece server.QueueContent
		if err := call("queue.content", next, &piece); err != nil {
			return err
		}
		if _, err := w.Write(piece.Octets); err != nil {
			return err
		}
		if next.Offset += int64(len(piece.Octets)); next.Offset >= piece.Size {
			return nil
		}
	}
}

// harmless writes text from outside to a terminal. It replaces characters that the terminal
// would take for commands.
type harmless struct{ io.Writer }

// Write implements io.Writer.
func (h harmless) Write(p []byte) (int, error) {
	_, err := h.Writer.Write(bytes.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return -1
		case r == '\n', r == '\t', unicode.IsPrint(r) && r != utf8.RuneError:
			return r
		}
		return '?'
	}, p))
	return len(p), err
}

func writeMessage(w io.Writer, m server.QueueMessage) {
	pairs(w, "id", m.ID, "received", clock(m.Received), "from", m.Client, "reverse-path", "<"+m.ReversePath+">",
		"recipients", strings.Join(m.Recipients, " "), "size", config.FormatSize(m.Size),
		"subject", m.Subject, "message-id", m.MessageID)
	for i, leg := range m.Legs {
		expires := ""
		if leg.Expires != nil {
			expires = clock(*leg.Expires)
		}
		fmt.Fprintf(w, "\nleg %d\n", i)
		pairs(w, "  list", leg.List, "  forward", leg.Forward, "  service", leg.Service, "  state", leg.State,
			"  reason", leg.Reason, "  handlers", strings.Join(leg.Handlers, " "), "  edits", strings.Join(leg.Edits, "; "),
			"  given up", expires, "  pending", strconv.Itoa(leg.Pending))
		var cells [][]string
		for _, r := range leg.Remaining {
			cells = append(cells, []string{r.Address, strconv.Itoa(r.Attempts), clock(r.NextAttempt), r.LastReply})
		}
		if len(cells) > 0 {
			table(w, "  ", "RECIPIENT ATTEMPTS NEXT-ATTEMPT LAST-REPLY", cells)
		}
	}
}

// queueChange is a command that changes messages, which are named one by one or by their
// list or domain.
func queueChange(g *globals, verb, short string) *cobra.Command {
	var sel server.QueueSelection
	c := &cobra.Command{
		Use: verb + " [ID...] [--list LIST] [--domain DOMAIN]", Short: short, Args: cobra.ArbitraryArgs,
		Long:    short + ".\nMessages are named by their ids, or by a list or a domain; then their number is shown first.\nAll legs of a message are changed together.",
		Example: "  mmgw queue " + verb + " 6wk81xjz00\n  mmgw queue " + verb + " --list announce@lists.example.com",
		RunE: func(c *cobra.Command, args []string) error {
			if sel.IDs = args; len(args) == 0 && sel.List == "" && sel.Domain == "" {
				return usageError(c, "name messages, --list or --domain")
			}
			return g.changeQueue(c, verb, sel)
		},
	}
	selectionFlags(c, &sel)
	return c
}

// changeQueue first finds the messages, and then changes them by their IDs, so that messages
// which come in meanwhile are not affected.
func (g *globals) changeQueue(c *cobra.Command, verb string, sel server.QueueSelection) error {
	var total server.QueueChange
	err := g.withGateway(c, func(call gatewayCall) error {
		ids := sel.IDs
		if sel.List != "" || sel.Domain != "" {
			var err error
			if ids, err = selectedIDs(call, sel, verb == "release"); err != nil {
				return err
			}
			fmt.Fprintf(c.ErrOrStderr(), "%s %s\n", verb, plural(len(ids), "message"))
		}
		bar := progress{w: c.ErrOrStderr(), what: verb, total: len(ids)}
		defer bar.end()
		done := 0
		for chunk := range slices.Chunk(ids, queueChunk) {
			var got server.QueueChange
			if err := call("queue."+verb, server.QueueIDs{IDs: chunk, By: operator()}, &got); err != nil {
				return err
			}
			total.Messages += got.Messages
			if done += len(chunk); len(ids) > queueChunk {
				bar.at(done)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return g.show(c, total, func(w io.Writer) { fmt.Fprintf(w, "%s: done with %s\n", verb, plural(total.Messages, "message")) })
}

// operator is the user who runs this command, also with sudo; "" if unknown.
func operator() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

// selectionRows is how many rows are read at a time: some 20 MB with the longest replies.
const selectionRows = 20_000

// selectedIDs are the messages that a selection has at this moment: all, or those that are
// held. It leaves out messages that cannot be read. They are in every answer, without a
// service, since their list is unknown, and can only be changed by their IDs.
func selectedIDs(call gatewayCall, sel server.QueueSelection, held bool) ([]string, error) {
	var ids []string
	sel.From, sel.Limit = gateway.QueueID(0).String(), selectionRows
	for {
		var got server.QueueRows
		if err := call("queue.ls", sel, &got); err != nil {
			return nil, err
		}
		for _, row := range got.Rows {
			if row.Service != "" && (!held || row.State == "held") {
				ids = append(ids, row.ID)
			}
		}
		if len(got.Rows) < selectionRows {
			break
		}
		sel.From = got.Rows[selectionRows-1].ID // the same message again, for its other legs
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
