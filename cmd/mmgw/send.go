package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/probe"
)

// sending is what send has to do.
type sending struct {
	lmtp     string
	from     string
	to       []string
	count    int
	sessions int
	size     string

	reverse  gateway.ReversePath
	forwards []gateway.ForwardPath
}

func sendCommand(g *globals) *cobra.Command {
	var s sending
	c := &cobra.Command{
		Use: "send [--lmtp ADDRESS] --from A --to B [FILE]", Short: "Hand a message, or many, to an LMTP server", Args: cobra.MaximumNArgs(1),
		Long: "Hands the message of a file (- is standard input) to an LMTP server, and prints the reply for\n" +
			"each recipient. Exits 0 if all are 2xx, 75 if one is 4xx, else 65; 69 if it cannot connect.\n" +
			"Without --lmtp the server is the gateway of the configuration. Without a file it generates a\n" +
			"load: --count messages, each with a Message-ID of its own.",
		Example: "  mmgw send --from anne@example.com --to announce@lists.example.com post.eml\n" +
			"  mmgw send --lmtp unix:/run/mmgw/lmtp --from anne@example.com --to dev@lists.example.com --count 1000 --sessions 8",
		RunE: func(c *cobra.Command, args []string) error {
			if err := s.check(c, args); err != nil {
				return err
			}
			if s.lmtp == "" {
				var err error
				if s.lmtp, err = g.lmtpAddress(c); err != nil {
					return err
				}
			}
			if len(args) == 0 {
				return g.sendLoad(c, &s)
			}
			return g.sendFile(c, &s, args[0])
		},
	}
	c.Flags().StringVar(&s.lmtp, "lmtp", "", "`address` of the server: HOST:PORT or unix:/path (default: as configured)")
	c.Flags().StringVar(&s.from, "from", "", "the reverse-`path`; \"\" or <> for the null one")
	c.Flags().StringArrayVar(&s.to, "to", nil, "`address` of a recipient; may be given again")
	c.Flags().IntVar(&s.count, "count", 0, "how many `messages` to generate")
	c.Flags().IntVar(&s.sessions, "sessions", 1, "of the load: `connections` at the same time")
	c.Flags().StringVar(&s.size, "size", "0", "of the load: about how many `octets` a message has, as 10000 or 10kB")
	return c
}

// check reads the addresses, so that nothing is sent if one of them is wrong.
func (s *sending) check(c *cobra.Command, args []string) error {
	switch {
	case len(s.to) == 0 || !c.Flags().Changed("from"):
		return usageError(c, "--from and --to must be given")
	case len(args) == 0 && s.count < 1:
		return usageError(c, "name a file, or give --count")
	case len(args) > 0 && s.count > 0:
		return usageError(c, "either a file or --count")
	}
	if s.from == "<>" {
		s.from = ""
	}
	var err error
	if s.reverse, err = gateway.ParseReversePath(s.from); err != nil {
		return err
	}
	for _, to := range s.to {
		path, err := gateway.ParseForwardPath(to)
		if err != nil {
			return err
		}
		s.forwards = append(s.forwards, path)
	}
	return nil
}

// lmtpAddress is where the gateway of the configuration listens for mail.
func (g *globals) lmtpAddress(c *cobra.Command) (string, error) {
	cfg, err := g.load()
	switch {
	case err != nil:
		return "", err
	case cfg.MTA.LMTPPort != 0:
		return cfg.MTA.ListenAddress(), nil
	case cfg.MTA.LMTPSocket != "":
		return "unix:" + cfg.MTA.LMTPSocket, nil
	}
	return "", usageError(c, "[mta] lmtp_port is 0, which stands for any free port: give --lmtp with the address that `mmgw serve` prints")
}

// replyFacts are what send prints of a recipient as JSON.
type replyFacts struct {
	Address  string `json:"address"`
	Code     int    `json:"code"`
	Enhanced string `json:"enhanced"`
	Text     string `json:"text"`
}

// sendFile sends one message. If there are replies of 4xx and of 5xx, the exit code is that
// of 4xx: another try can help.
func (g *globals) sendFile(c *cobra.Command, s *sending, path string) error {
	content, err := readInput(c.InOrStdin(), path)
	if err != nil {
		return err
	}
	client, err := probe.Dial(c.Context(), s.lmtp)
	if err != nil {
		return failure(admin.ExitUnavailable, "%s", oneLine(err))
	}
	defer client.Close()
	replies, err := client.Send(c.Context(), s.reverse, s.forwards, content)
	if err != nil {
		return failure(admin.ExitTryLater, "%s", oneLine(err))
	}
	facts := []replyFacts{}
	deferred, refused := false, false
	for _, r := range replies {
		class := r.Status.Class()
		deferred, refused = deferred || class == gateway.Transient, refused || class == gateway.Permanent
		facts = append(facts, replyFacts{string(r.To), r.Status.Code, r.Status.Enhanced.String(), gateway.Printable(r.Status.Text)})
	}
	err = g.show(c, facts, func(w io.Writer) {
		for _, r := range replies {
			fmt.Fprintln(w, string(r.To), r.Status.Reply())
		}
	})
	switch {
	case err != nil:
		return err
	case deferred:
		return silent(admin.ExitTryLater)
	case refused:
		return silent(admin.ExitData)
	}
	return nil
}

// readInput reads a message from a file, or from in for "-".
func readInput(in io.Reader, path string) ([]byte, error) {
	if path == "-" {
		return readMessage(in, "standard input")
	}
	return readContent(path)
}

// loadBytesMax bounds a generated message, which each connection has in memory.
const loadBytesMax = 128 << 20

// sendLoad sends generated messages, and prints a summary if any message was tried.
func (g *globals) sendLoad(c *cobra.Command, s *sending) error {
	size, err := parseOctets(s.size)
	if err != nil {
		return usageError(c, "--size: "+err.Error())
	}
	if size > loadBytesMax {
		return usageError(c, fmt.Sprintf("--size is at most %s", config.FormatSize(loadBytesMax)))
	}
	bar := progress{w: c.ErrOrStderr(), what: "send", total: s.count}
	summary, err := probe.Load{
		Address: s.lmtp, From: s.reverse, To: s.forwards, Count: s.count, Sessions: s.sessions, SizeBytes: size, Progress: bar.at,
	}.Run(c.Context())
	bar.end()
	if err != nil && summary.Sent+summary.Failed == 0 {
		return failure(admin.ExitUnavailable, "%s", oneLine(err))
	}
	if shown := g.show(c, summary, func(w io.Writer) { writeSummary(w, summary) }); shown != nil {
		return shown
	}
	switch {
	case err != nil:
		return failure(admin.ExitTryLater, "%s", oneLine(err))
	case summary.Deferred > 0:
		return silent(admin.ExitTryLater)
	case summary.Rejected > 0:
		return silent(admin.ExitData)
	}
	return nil
}

func writeSummary(w io.Writer, s probe.Summary) {
	fmt.Fprintf(w, "%s in %.2f s: %.1f/s\n", plural(s.Sent, "message"), s.Seconds, s.PerSecond)
	fmt.Fprintf(w, "recipients: %d accepted, %d deferred, %d rejected; %s broke off\n",
		s.Accepted, s.Deferred, s.Rejected, plural(s.Failed, "message"))
	fmt.Fprintf(w, "half of them within %.1f ms, 99 of 100 within %.1f ms\n", s.P50Ms, s.P99Ms)
}
