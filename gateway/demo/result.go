package demo

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Result is what the demo saw. Its JSON is for programs.
type Result struct {
	Accepted  int       `json:"accepted"`  // messages that got 250
	Delivered int       `json:"delivered"` // copies that arrived
	Expected  int       `json:"expected"`  // copies that should
	Members   int       `json:"members"`
	Seconds   float64   `json:"seconds"` // from the first message to the last copy
	Messages  []Message `json:"messages"`
	Handlers  []Handler `json:"handlers"`
	Copies    []Copy    `json:"copies"`
	Files     []File    `json:"files"`
	LMTP      string    `json:"lmtp"`
	SMTP      string    `json:"smtp"`

	faults []error
}

// Message is one message that went in, and the reply to it.
type Message struct {
	File         string  `json:"file"`
	From         string  `json:"from"`
	To           string  `json:"to"`
	About        string  `json:"about"`
	Reply        string  `json:"reply"`
	Milliseconds float64 `json:"ms"`

	asExpected bool
}

// Handler is what one module did; us and fuel are of a call, on average.
type Handler struct {
	Name    string `json:"name"`
	Calls   int64  `json:"calls"`
	Us      int64  `json:"us"`
	Fuel    int64  `json:"fuel"`
	Stopped int64  `json:"stopped"` // calls that the sandbox ended
}

// Copy is one transaction that came out.
type Copy struct {
	MailFrom string `json:"mail_from"`
	To       string `json:"to"`
	Subject  string `json:"subject"`
	Size     int64  `json:"size"`
}

// File is one file for the MTA.
type File struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// check says what is not as it should be.
func (r *Result) check() error {
	faults := r.faults
	for _, m := range r.Messages {
		if !m.asExpected {
			faults = append(faults, fmt.Errorf("%s to %s was answered %s", m.File, m.To, m.Reply))
		}
	}
	return errors.Join(faults...)
}

// Text tells the result to a person.
func (r *Result) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "In, by LMTP at %s\n", r.LMTP)
	for _, m := range r.Messages {
		fmt.Fprintf(&b, "  %s, to %s\n      %s (%.1f ms)\n", m.About, m.To, m.Reply, m.Milliseconds)
	}
	b.WriteString("\nThrough sandboxed handlers: WebAssembly, metered\n")
	r.writeHandlers(&b)
	fmt.Fprintf(&b, "\nOut, by SMTP to %s: each copy under a reverse-path that names its member\n", r.SMTP)
	r.writeCopies(&b)
	b.WriteString("\nFor the MTA, which looks the lists up in files like these (regexp tables of Postfix)\n")
	r.writeFiles(&b)
	fmt.Fprintf(&b, "\n%d of %d copies arrived in %.2f s, nothing was lost.\n", r.Delivered, r.Expected, r.Seconds)
	return b.String()
}

func (r *Result) writeHandlers(b *strings.Builder) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "handler\tcalls\tµs each\tfuel each\t")
	for _, h := range r.Handlers {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t\n", h.Name, h.Calls, h.Us, h.Fuel)
	}
	w.Flush()
	for _, h := range r.Handlers {
		if h.Stopped > 0 {
			fmt.Fprintf(b, "  %s never ended; the meter stopped it, and its message waits at the MTA.\n", h.Name)
		}
	}
}

// copiesShown is how many copies of a message are shown; the rest is counted.
const copiesShown = 2

func (r *Result) writeCopies(b *strings.Builder) {
	copies := slices.Clone(r.Copies)
	slices.SortStableFunc(copies, func(a, b Copy) int { return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.To, b.To)) })
	for len(copies) > 0 {
		n := 1
		for n < len(copies) && copies[n].Subject == copies[0].Subject {
			n++
		}
		fmt.Fprintf(b, "  %s\n", copies[0].Subject)
		for _, c := range copies[:min(n, copiesShown)] {
			fmt.Fprintf(b, "      %s\n        to %s\n", cmp.Or(c.MailFrom, "<>"), c.To)
		}
		if n > copiesShown {
			fmt.Fprintf(b, "      and %d more\n", n-copiesShown)
		}
		copies = copies[n:]
	}
}

// linesShown is how many lines of a file are shown.
const linesShown = 4

func (r *Result) writeFiles(b *strings.Builder) {
	for _, f := range r.Files {
		var lines []string
		for line := range strings.Lines(f.Text) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				lines = append(lines, line)
			}
		}
		if len(lines) == 0 {
			continue
		}
		fmt.Fprintf(b, "  %s, lines: %d\n", f.Name, len(lines))
		for _, line := range lines[:min(len(lines), linesShown)] {
			fmt.Fprintf(b, "      %s\n", line)
		}
	}
}
