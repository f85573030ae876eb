package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway/config"
)

// output is standard output. It remembers a failure, so that a command whose result is
// cut off, by a full disk for example, does not succeed.
type output struct {
	file   *os.File
	failed atomic.Pointer[error]
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.file.Write(p)
	if err != nil {
		o.failed.CompareAndSwap(nil, &err)
	}
	return n, err
}

// Stat tells whether it is a terminal.
func (o *output) Stat() (fs.FileInfo, error) { return o.file.Stat() }

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

// table writes rows in columns, below a head unless that is "". Empty cells show as "-".
// Every line begins with indent.
func table(w io.Writer, indent, head string, rows [][]string) {
	b := bufio.NewWriter(w) // a tabwriter writes cell by cell
	defer b.Flush()
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	if head != "" {
		fmt.Fprintln(t, indent+strings.ReplaceAll(head, " ", "\t"))
	}
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

// rows shows rows page by page, so that a million of them take little memory: as one JSON
// array, or in columns whose width may change with each page.
type rows[T any] struct {
	w     io.Writer
	json  bool
	head  string
	cells func(*T) []string
	begun bool // the head is written, or the first row of the array
}

// show shows a page, which may be empty.
func (r *rows[T]) show(page []T) error {
	if r.json {
		return r.encode(page)
	}
	head := ""
	if !r.begun {
		r.begun, head = true, r.head
	}
	cells := make([][]string, len(page))
	for i := range page {
		cells[i] = r.cells(&page[i])
	}
	table(r.w, "", head, cells)
	return nil
}

func (r *rows[T]) encode(page []T) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	for i := range page {
		b.WriteString(r.opening())
		if err := encoder.Encode(&page[i]); err != nil {
			return err
		}
		b.Truncate(b.Len() - 1) // the line end of Encode
	}
	_, err := r.w.Write(b.Bytes())
	return err
}

// opening is what comes before a row of the array, or before its end if it has no rows.
func (r *rows[T]) opening() string {
	if r.begun {
		return ","
	}
	r.begun = true
	return "["
}

// end writes the end of the array.
func (r *rows[T]) end() error {
	if !r.json {
		return nil
	}
	text := "]\n"
	if !r.begun {
		text = r.opening() + text
	}
	_, err := io.WriteString(r.w, text)
	return err
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

// clock is a local time for people, "" for the zero time.
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

// sizeValue is a flag that is a number of octets.
type sizeValue int64

func (v *sizeValue) String() string { return config.FormatSize(int64(*v)) }
func (v *sizeValue) Type() string   { return "size" }

func (v *sizeValue) Set(s string) error {
	n, err := parseOctets(s)
	*v = sizeValue(n)
	return err
}

// parseOctets reads a number of octets, with or without a unit.
func parseOctets(s string) (int, error) {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 {
		return n, nil
	}
	n, err := config.ParseSize(s)
	return int(n), err
}
