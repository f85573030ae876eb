package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/authres"
)

func dkimFamily(g *globals) *cobra.Command {
	return family("dkim", "Keys that sign outgoing mail (DKIM)", dkimNew(g), dkimShow(g), dkimCheck(g))
}

// dkimRow is one key.
type dkimRow struct {
	Domain    string `json:"domain"`
	Selector  string `json:"selector"`
	Type      string `json:"type"`
	File      string `json:"key_file"`
	Name      string `json:"name"`                // of the record in DNS
	Record    string `json:"record"`              // to be published there
	Published string `json:"published,omitempty"` // yes, no, other or unknown
}

func dkimRowOf(domain, selector, file string, key authres.PrivateKey) (dkimRow, error) {
	record, err := key.Record()
	return dkimRow{Domain: domain, Selector: selector, Type: key.Kind(), File: file, Name: authres.RecordName(domain, selector), Record: record}, err
}

// zone writes the record as a line of a zone file, split into strings of at most 255 octets
// (RFC 1035, section 3.3).
func (r dkimRow) zone(w io.Writer) {
	text := ""
	for record := r.Record; record != ""; {
		n := min(len(record), 255)
		text += fmt.Sprintf(" %q", record[:n])
		record = record[n:]
	}
	fmt.Fprintf(w, "%s. IN TXT (%s )\n", r.Name, text)
}

func dkimNew(g *globals) *cobra.Command {
	var selector, kind, dir string
	c := &cobra.Command{
		Use: "new DOMAIN", Short: "Make keys for a domain, and show what to publish", Args: cobra.ExactArgs(1),
		Long: "Makes the private keys that sign for a domain, one RSA and one Ed25519, and prints the DNS\n" +
			"records to publish and the line for the configuration. Existing files are not overwritten.",
		Example: "  mmgw dkim new lists.example.com\n  mmgw dkim new --type rsa --selector s1 --dir /etc/mmgw lists.example.com",
		RunE: func(c *cobra.Command, args []string) error {
			path, err := gateway.ParseForwardPath("x@" + args[0])
			if err != nil || !path.IsASCII() || strings.ContainsAny(args[0], "[@") {
				return failure(admin.ExitData, "%q is not a domain; write it as DNS does", args[0])
			}
			if strings.Trim(selector, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || selector == "" {
				return failure(admin.ExitData, "%q is not a selector: use small letters, digits and hyphens", selector)
			}
			kinds := map[string][]string{"both": {authres.RSA, authres.Ed25519}, authres.RSA: {authres.RSA}, authres.Ed25519: {authres.Ed25519}}[kind]
			if kinds == nil {
				return usageError(c, fmt.Sprintf("--type must be both, rsa or ed25519, not %q", kind))
			}
			return g.makeKeys(c, path.Domain(), selector, dir, kinds)
		},
	}
	c.Flags().StringVar(&selector, "selector", time.Now().UTC().Format("m200601"), "the `name` of the key in DNS; with both types, the second gets an \"e\" after it")
	c.Flags().StringVar(&kind, "type", "both", "both, rsa or ed25519")
	c.Flags().StringVar(&dir, "dir", ".", "the `directory` for the files")
	return c
}

// makeKeys makes a key of each kind, or none if one of them fails.
func (g *globals) makeKeys(c *cobra.Command, domain, selector, dir string, kinds []string) error {
	var rows []dkimRow
	for i, kind := range kinds {
		name := selector
		if i > 0 {
			name += "e"
		}
		row, err := makeKey(domain, name, dir, kind)
		if err != nil {
			for _, made := range rows {
				os.Remove(made.File)
			}
			return failure(admin.ExitCantCreate, "%v", err)
		}
		rows = append(rows, row)
	}
	return g.show(c, rows, func(w io.Writer) {
		fmt.Fprintln(w, "wrote the private keys; publish in DNS:")
		fmt.Fprintln(w)
		for _, row := range rows {
			row.zone(w)
		}
		fmt.Fprintln(w, "\nand put into the configuration, where mmgw may read the files:\n\n[auth]\ndkim = [")
		for _, row := range rows {
			fmt.Fprintf(w, "  { domain = %q, selector = %q, key_file = %q },\n", row.Domain, row.Selector, row.File)
		}
		fmt.Fprintln(w, "]\n\n`mmgw dkim check` says when the records can be seen; restart mmgw then.")
	})
}

// makeKey writes a new private key into a file that only its owner can read.
func makeKey(domain, selector, dir, kind string) (dkimRow, error) {
	key, err := authres.NewPrivateKey(kind)
	if err != nil {
		return dkimRow{}, err
	}
	text, err := key.PEM()
	if err != nil {
		return dkimRow{}, err
	}
	file, err := filepath.Abs(filepath.Join(dir, selector+"."+domain+".pem"))
	if err != nil {
		return dkimRow{}, err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return dkimRow{}, fmt.Errorf("%s exists already and was not changed: choose another --selector", file)
	}
	if err != nil {
		return dkimRow{}, err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return dkimRow{}, errors.Join(err, os.Remove(file))
	}
	return dkimRowOf(domain, selector, file, key)
}

func dkimShow(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Print the DNS records of the configured keys", Args: cobra.NoArgs,
		Example: "  mmgw dkim show >>/etc/bind/db.lists.example.com",
		RunE: func(c *cobra.Command, _ []string) error {
			rows, _, err := g.dkimRows()
			if err != nil {
				return err
			}
			return g.show(c, rows, func(w io.Writer) {
				for _, row := range rows {
					row.zone(w)
				}
			})
		},
	}
}

// dkimRows are the keys of the configuration, and the name server to ask.
func (g *globals) dkimRows() ([]dkimRow, string, error) {
	cfg, err := g.load()
	if err != nil {
		return nil, "", err
	}
	rows := []dkimRow{}
	for _, k := range cfg.Auth.DKIM {
		row, err := dkimRowOf(k.Domain, k.Selector, k.KeyFile, k.Key)
		if err != nil {
			return nil, "", err
		}
		rows = append(rows, row)
	}
	return rows, cfg.Auth.DNSServer, nil
}

func dkimCheck(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Check that DNS has the records of the configured keys; exit 1 if not", Args: cobra.NoArgs,
		Example: "  mmgw dkim check",
		RunE: func(c *cobra.Command, _ []string) error {
			rows, server, err := g.dkimRows()
			if err != nil {
				return err
			}
			code := 0
			resolver := authres.NewResolver(nil, server)
			for i := range rows {
				rows[i].Published = published(c.Context(), resolver, rows[i])
				switch {
				case rows[i].Published == "unknown" && code == 0:
					code = admin.ExitTryLater
				case rows[i].Published == "no" || rows[i].Published == "other":
					code = 1
				}
			}
			err = g.show(c, rows, func(w io.Writer) { showPublished(w, rows) })
			if err == nil && code != 0 {
				err = silent(code)
			}
			return err
		},
	}
}

// published asks DNS for the record of a key. It returns yes, no, other for another key,
// or unknown if DNS does not answer.
func published(ctx context.Context, resolver *authres.Resolver, row dkimRow) string {
	records, err := resolver.LookupTXT(ctx, row.Name)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound || err == nil && len(records) == 0:
		return "no"
	case err != nil:
		return "unknown"
	case len(records) == 1 && authres.SameKey(records[0], row.Record):
		return "yes"
	}
	return "other"
}

func showPublished(w io.Writer, rows []dkimRow) {
	if len(rows) == 0 {
		fmt.Fprintln(w, "the configuration has no keys; make some with `mmgw dkim new`")
		return
	}
	for _, row := range rows {
		fmt.Fprintf(w, "%s: %s\n", row.Name, map[string]string{
			"yes": "published", "no": "not published", "unknown": "DNS does not answer, try again later",
			"other": "another key, or more than one, is published",
		}[row.Published])
		if row.Published == "no" || row.Published == "other" {
			fmt.Fprint(w, "  publish: ")
			row.zone(w)
		}
	}
}
