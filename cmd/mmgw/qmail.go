package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/probe"
)

// Exit codes of programs in .qmail files, by qmail-command(8). This command has no other
// failures: codes such as 64 and 78 mean "bounce" there.
const (
	qmailRefused  = 100
	qmailTryLater = 111
)

const (
	qmailTimeout = 10 * time.Minute // of the whole dialogue; qmail itself would wait forever
	qmailPartMax = 4                // EXT4 is the last variable that qmail sets
	qmailName    = "qmail-lmtp"
)

func qmailCommand() *cobra.Command {
	return &cobra.Command{
		Use: qmailName + " HOST:PORT [N]", Short: "Hand a message from qmail to the gateway, for .qmail files", Args: cobra.RangeArgs(1, 2),
		Long: "For .qmail files: reads the message from standard input, and hands it to the gateway with\n" +
			"$SENDER as the reverse-path and $EXT@$HOST as the recipient. With N from 2 to 4 it is $EXT2 and\n" +
			"so on: what follows the (N-1)th hyphen of $EXT. Exits 0 if it was accepted, 100 if it was\n" +
			"refused for good, and 111 otherwise, after which qmail tries again.",
		Example: "  | /usr/bin/mmgw qmail-lmtp 127.0.0.1:8024",
		RunE: func(c *cobra.Command, args []string) error {
			from, to, err := qmailEnvelope(args[1:])
			if err != nil {
				return err
			}
			content, err := readMessage(c.InOrStdin(), "standard input")
			if err != nil {
				return err
			}
			status, err := handOver(c.Context(), args[0], from, to, content)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), status.Reply()) // qmail puts it into its log or its bounce
			switch status.Class() {
			case gateway.Success:
				return nil
			case gateway.Permanent:
				return silent(qmailRefused)
			}
			return silent(qmailTryLater)
		},
	}
}

// qmailEnvelope is the envelope in the environment that qmail-local sets, by
// qmail-command(8).
func qmailEnvelope(args []string) (gateway.ReversePath, gateway.ForwardPath, error) {
	name := "EXT"
	if len(args) > 0 && args[0] != "1" {
		if n, err := strconv.Atoi(args[0]); err != nil || n < 1 || n > qmailPartMax {
			return "", "", fmt.Errorf("N is 1 to %d, not %q", qmailPartMax, args[0])
		}
		name += args[0]
	}
	sender := os.Getenv("SENDER")
	if sender == "#@[]" { // qmail's for a double bounce
		sender = ""
	}
	from, err := gateway.ParseReversePath(sender)
	if err != nil {
		return "", "", fmt.Errorf("$SENDER: %w", err)
	}
	to, err := gateway.ParseForwardPath(os.Getenv(name) + "@" + os.Getenv("HOST"))
	if err != nil {
		return "", "", fmt.Errorf("$%s@$HOST: %w", name, err)
	}
	return from, to, nil
}

// handOver does one LMTP transaction. After an error qmail keeps the message.
func handOver(ctx context.Context, address string, from gateway.ReversePath, to gateway.ForwardPath, content []byte) (*gateway.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, qmailTimeout)
	defer cancel()
	client, err := probe.Dial(ctx, address)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	replies, err := client.Send(ctx, from, []gateway.ForwardPath{to}, content)
	if err != nil {
		return nil, err
	}
	return replies[0].Status, nil
}
