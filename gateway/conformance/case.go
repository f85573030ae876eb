package conformance

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/mmgw/mmgw/gateway/config"
)

// Case is one call of a module, as a txtar archive tells it. Sections that say
// what there is, all optional but mail or mmgw.toml:
//
//	config     the module's settings, as [plugins.NAME.config]
//	plugin     other keys of [plugins.NAME], such as capabilities
//	list       the list's own config
//	session    the envelope and more, see SessionLines
//	dns        what the DNS answers, lines of TYPE NAME VALUE
//	kv         what the module has kept, lines of KEY VALUE
//	mail       the message; line ends become CRLF
//	mmgw.toml  of a writer of MTA configurations: the lists and [mta]
//
// And those that say what is to come of it:
//
//	verdict    an action with its reply, or the fault of the call or of loading
//	envelope   what becomes of recipients and of the way, a line each
//	plan       what a planner says, a setting a line
//	becomes    the message as it is edited
//	file/PATH  a file that a writer makes
//
// Of those, what is not there must not come. fuel is FuelMax, unless plugin says
// otherwise.
type Case struct {
	Path    string
	archive *txtar.Archive
}

// FuelMax is what a call may use: a hundredth of what a gateway grants, so
// that waste is noticed.
const FuelMax = 10_000_000

// inputs are the sections that say what there is.
var inputs = []string{"config", "plugin", "list", "session", "dns", "kv", "mail", "mmgw.toml"}

// outputs are those that say what is to come of it; file/PATH are others.
var outputs = []string{"verdict", "envelope", "plan", "becomes"}

const filePrefix = "file/"

// parseCase reads an archive. A section of an unknown name is an error: it is
// a slip that would go unnoticed.
func parseCase(path string, data []byte) (*Case, error) {
	c := &Case{path, txtar.Parse(data)}
	for i, f := range c.archive.Files {
		known := slices.Contains(inputs, f.Name) || isOutput(f.Name)
		twice := slices.ContainsFunc(c.archive.Files[:i], func(g txtar.File) bool { return g.Name == f.Name })
		switch {
		case !known:
			return nil, fmt.Errorf("%s: there is no section %q; there are %s and file/PATH", path, f.Name, strings.Join(slices.Concat(inputs, outputs), " "))
		case twice:
			return nil, fmt.Errorf("%s: the section %q is there twice", path, f.Name)
		}
	}
	if c.has("mail") == c.has("mmgw.toml") {
		return nil, fmt.Errorf("%s: it needs a section mail, or for a writer mmgw.toml", path)
	}
	return c, nil
}

func isOutput(section string) bool {
	return slices.Contains(outputs, section) || strings.HasPrefix(section, filePrefix)
}

// Name is that of the archive, without its ending.
func (c *Case) Name() string { return strings.TrimSuffix(filepath.Base(c.Path), caseEnding) }

func (c *Case) has(name string) bool {
	return slices.ContainsFunc(c.archive.Files, func(f txtar.File) bool { return f.Name == name })
}

// section is a section's text, "" where it is not there.
func (c *Case) section(name string) string {
	for _, f := range c.archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// lines are the lines of a section, as words, without empty ones and comments.
func (c *Case) lines(name string) (all [][]string) {
	for line := range strings.Lines(c.section(name)) {
		if words := strings.Fields(line); len(words) > 0 && words[0] != "#" {
			all = append(all, words)
		}
	}
	return all
}

// table is a section in TOML.
func (c *Case) table(name string) (map[string]any, error) {
	table, err := config.ParseTable(c.section(name))
	if err != nil {
		return nil, fmt.Errorf("%s, section %s: %w", c.Path, name, err)
	}
	return table, nil
}

// compare says how what came differs from the case, "" for not at all.
func (c *Case) compare(came []txtar.File) string {
	var b strings.Builder
	for _, want := range c.archive.Files {
		i := slices.IndexFunc(came, func(f txtar.File) bool { return f.Name == want.Name })
		switch {
		case !isOutput(want.Name):
		case i < 0:
			fmt.Fprintf(&b, "%s: nothing came, want\n%s", want.Name, want.Data)
		case !bytes.Equal(came[i].Data, want.Data):
			fmt.Fprintf(&b, "%s:\n%s", want.Name, difference(string(want.Data), string(came[i].Data)))
		}
	}
	for _, f := range came {
		if !c.has(f.Name) {
			fmt.Fprintf(&b, "%s: nothing was expected, and there came\n%s", f.Name, f.Data)
		}
	}
	return b.String()
}

// updated is the archive with what came as its outputs. Its inputs and its
// comment stay.
func (c *Case) updated(came []txtar.File) []byte {
	kept := slices.DeleteFunc(slices.Clone(c.archive.Files), func(f txtar.File) bool { return isOutput(f.Name) })
	return txtar.Format(&txtar.Archive{Comment: c.archive.Comment, Files: append(kept, came...)})
}

// difference shows two texts, without the lines that begin and end both.
func difference(want, got string) string {
	w, g := strings.SplitAfter(want, "\n"), strings.SplitAfter(got, "\n")
	for len(w) > 0 && len(g) > 0 && w[0] == g[0] {
		w, g = w[1:], g[1:]
	}
	for len(w) > 0 && len(g) > 0 && w[len(w)-1] == g[len(g)-1] {
		w, g = w[:len(w)-1], g[:len(g)-1]
	}
	var b strings.Builder
	writeSigned(&b, "-", w)
	writeSigned(&b, "+", g)
	return b.String()
}

func writeSigned(b *strings.Builder, sign string, lines []string) {
	for _, line := range lines {
		if line = strings.TrimSuffix(line, "\n"); line != "" || len(lines) > 1 {
			fmt.Fprintf(b, "%s %s\n", sign, line)
		}
	}
}

// parsed is an archive of a text.
func parsed(text string) *txtar.Archive { return txtar.Parse([]byte(text)) }
