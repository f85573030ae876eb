package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/server"
)

func pluginReplay(g *globals) *cobra.Command {
	replay := server.PluginReplay{}
	c := &cobra.Command{
		Use: "replay NAME F.wasm", Short: "Try a new version of a module on the latest messages",
		Long: "Runs a new version of the plugin NAME beside the one in use, on messages as they came in, and\n" +
			"shows where verdicts or edits differ. Nothing is sent or changed, and what the modules store\n" +
			"meanwhile is forgotten. keep_for_replay says how long messages are kept for this: at most\n" +
			"10,000 messages of up to 1 MiB each, and 256 MiB in all.",
		Example: "  mmgw plugin replay tag tag-2.wasm --last 100\n  mmgw plugin replay tag tag-2.wasm --json",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			replay.Name = args[0]
			var err error
			if replay.Wasm, err = readModule(args[1]); err != nil {
				return err
			}
			var done server.PluginReplayed
			err = g.call(c, "plugin.replay", replay, &done)
			if err != nil {
				return err
			}
			return g.show(c, done, func(w io.Writer) { writeReplayed(w, done) })
		},
	}
	c.Flags().IntVar(&replay.Last, "last", 100, "the `number` of messages, the newest")
	return c
}

// differences are the differences of the result, in words.
var differences = map[string]string{"verdict": "another verdict", "edits": "other edits", "failed": "the new one fails"}

func writeReplayed(w io.Writer, done server.PluginReplayed) {
	pairs(w, "plugin", done.Name, "at work", done.Before, "new", done.Digest,
		"replayed", fmt.Sprintf("%s, %s", plural(done.Messages, "message"), plural(done.Calls, "call")),
		"the same", strconv.Itoa(done.Same), "other verdicts", strconv.Itoa(done.Verdicts), "other edits", strconv.Itoa(done.Edits),
		"new fails", strconv.Itoa(done.Failed),
		"fuel", fmt.Sprintf("%d a call at work, %d new", done.LiveFuel, done.NextFuel))
	for _, r := range done.Rows {
		fmt.Fprintf(w, "\n%s %s from <%s> to %s, %s: %s\n", r.Received.Format(time.RFC3339), r.ID, gateway.Printable(r.ReversePath), r.List, r.Hook, differences[r.Difference])
		writeAnswer(w, "-", r.Live, r.Next.Edits)
		writeAnswer(w, "+", r.Next, r.Live.Edits)
	}
	if rest := done.Verdicts + done.Edits + done.Failed - len(done.Rows); rest > 0 {
		fmt.Fprintf(w, "\nand %s more\n", plural(rest, "difference"))
	}
}

// writeAnswer writes the answer of one version, without the edits that the other makes
// too.
func writeAnswer(w io.Writer, sign string, a server.ReplayAnswer, other []string) {
	switch {
	case a.Error != "":
		fmt.Fprintf(w, "%s failed: %s\n", sign, a.Error)
	case a.Reply != "":
		fmt.Fprintf(w, "%s %s %s\n", sign, a.Verdict, a.Reply)
	default:
		fmt.Fprintf(w, "%s %s\n", sign, a.Verdict)
	}
	for _, edit := range a.Edits {
		if !slices.Contains(other, edit) {
			fmt.Fprintf(w, "%s   %s\n", sign, edit)
		}
	}
}
