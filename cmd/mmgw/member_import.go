package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/server"
)

const (
	importChunk    = 5000 // addresses of one call: well below the limits of an operation
	importWrongMax = 20   // lines that are shown: enough to see that it is the wrong file
)

func memberImport(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "import LIST FILE", Short: "Add the members of a file to a list",
		Long: "Adds the addresses of a UTF-8 file to a list: one per line, with or without a name; what\n" +
			"follows a # is ignored. If one line is not an address, nothing is changed. - is standard input.",
		Example: "  mmgw member import announce@lists.example.com announce.members\n  mmgw member export old@lists.example.com | mmgw member import new@lists.example.com -",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			recipients, err := readMembers(c, args[1])
			if err != nil {
				return err
			}
			count, err := g.importMembers(c, args[0], recipients)
			if err != nil {
				return err
			}
			return g.show(c, count, func(w io.Writer) {
				fmt.Fprintf(w, "added %d of %d", count.Changed, count.Of)
				if count.Changed < count.Of {
					fmt.Fprint(w, "; the others were members")
				}
				fmt.Fprintln(w)
			})
		},
	}
}

// readMembers reads a members file, or standard input for "-", and reports the lines that
// are not an address.
func readMembers(c *cobra.Command, path string) ([]gateway.Recipient, error) {
	in := c.InOrStdin()
	if path == "-" {
		path = "standard input"
	} else {
		file, err := os.Open(path)
		if err != nil {
			return nil, failure(admin.ExitData, "%v", err)
		}
		defer file.Close()
		in = file
	}
	wrong := 0
	recipients, err := config.ReadMembers(in, func(line int, text string) {
		if wrong++; wrong <= importWrongMax {
			fmt.Fprintf(c.ErrOrStderr(), "%s:%d: %s\n", path, line, text)
		}
	})
	switch {
	case err != nil:
		return nil, failure(admin.ExitData, "%s: %v", path, err)
	case wrong > 0:
		return nil, failure(admin.ExitData, "%s of %s cannot be read; nothing was imported", plural(wrong, "line"), path)
	}
	return recipients, nil
}

// importMembers adds recipients in chunks. If one fails, those before it have been added;
// the same import again adds the rest.
func (g *globals) importMembers(c *cobra.Command, list string, recipients []gateway.Recipient) (server.MemberCount, error) {
	var count server.MemberCount
	bar := progress{w: c.ErrOrStderr(), what: "import", total: len(recipients)}
	defer bar.end()
	err := g.withGateway(c, func(call gatewayCall) error {
		for chunk := range slices.Chunk(recipients, importChunk) {
			change := server.MemberChange{List: list}
			for _, r := range chunk {
				change.Members = append(change.Members, config.FormatMember(r))
			}
			var got server.MemberCount
			if err := call("member.add", change, &got); err != nil {
				return err
			}
			count.Changed, count.Of = count.Changed+got.Changed, count.Of+got.Of
			bar.at(count.Of)
		}
		return nil
	})
	return count, err
}
