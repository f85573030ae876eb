package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway/config"
)

// show prints value as JSON, or what text writes for people.
func (g *globals) show(c *cobra.Command, value any, text func(w io.Writer)) error {
	if !g.json {
		text(c.OutOrStdout())
		return nil
	}
	encoder := json.NewEncoder(c.OutOrStdout())
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// table writes rows in columns below a head. Empty cells show as "-". indent
// stands in front of every line.
func table(w io.Writer, indent, head string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, indent+strings.ReplaceAll(head, " ", "\t"))
	for _, row := range rows {
		for i, cell := range row {
			if cell == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(t, indent+strings.Join(row, "\t"))
	}
	t.Flush()
}

// pairs writes names and values below each other, without those that are empty.
func pairs(w io.Writer, namesAndValues ...string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		if namesAndValues[i+1] != "" {
			fmt.Fprintf(t, "%s\t%s\n", namesAndValues[i], namesAndValues[i+1])
		}
	}
	t.Flush()
}

// clock is a time for people, "" for none.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// plural is "1 message", "2 messages".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// parseOctets reads a number of octets, with or without a unit.
func parseOctets(s string) (int, error) {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 {
		return n, nil
	}
	n, err := config.ParseSize(s)
	return int(n), err
}
