package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/bounce"
)

func bounceFamily() *cobra.Command {
	return family("bounce", "Mail that came back", &cobra.Command{
		Use: "inspect FILE...", Short: "Check whether messages are bounces, and of whom",
		Long: "Prints one JSON object for each file: whether it is a bounce, and what became of each\n" +
			"recipient. A file that cannot be read is reported, and the rest are read.",
		Example: "  mmgw bounce inspect Maildir/cur/*",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			unread := 0
			for _, path := range args {
				if err := inspectBounce(c.OutOrStdout(), path); err != nil {
					fmt.Fprintln(c.ErrOrStderr(), "mmgw:", err)
					unread++
				}
			}
			if unread > 0 {
				return silent(admin.ExitData)
			}
			return nil
		},
	})
}

// inspectBounce reads a message, as far as bounce.Inspect looks at it, and prints what it
// finds.
func inspectBounce(w io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, bounce.ContentBytesMax))
	if err != nil {
		return err
	}
	finding, err := bounce.Inspect(gateway.Bytes(text))
	if err != nil {
		return errors.Join(fmt.Errorf("%s cannot be read", path), err)
	}
	return json.NewEncoder(w).Encode(struct {
		File string `json:"file"`
		bounce.Finding
	}{path, finding})
}
