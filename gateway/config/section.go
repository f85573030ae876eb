package config

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// document is a configuration file that is being read or written. The method keys
// of each section does both: it lists the keys, each with its default, so that the
// code names a key only once.
type document struct {
	file     string // as it is named in problems
	dir      string // absolute; relative paths of the file start here
	opts     Options
	findings findings
	mentions []mention
	root     *table
	out      *strings.Builder        // nil: the document is read
	home     func(key string) string // homeOf, as a field: calling it by name would make an initialization loop with pluginDefaults
}

// mention is a place of the file that names a plugin.
type mention struct {
	name string
	line int
}

// problem adds a problem with a line of the file.
func (d *document) problem(line int, text, fix string) {
	d.findings.add(Problem{File: d.file, Line: line, Text: text, Fix: fix})
}

// absolute is the absolute path for a path in the file.
func (d *document) absolute(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(d.dir, path)
}

// open opens a regular file by its absolute path.
func (d *document) open(path string) (io.ReadCloser, error) { return d.opts.open(path) }

// section is one table of a document. in is nil if the file does not have it, and
// while the document is written.
type section struct {
	doc  *document
	name string // "[mta]", "" for the top level
	in   *table
	out  *strings.Builder
}

// reading says whether the document is read, not written.
func (s *section) reading() bool { return s.out == nil }

// label names a key in problems.
func (s *section) label(key string) string { return strings.TrimPrefix(s.name+" "+key, " ") }

// given says whether the file has the key.
func (s *section) given(key string) bool { return s.in != nil && s.in.keys[key] != nil }

// wrong adds a problem with the value of a key.
func (s *section) wrong(key, text, fix string) {
	s.doc.problem(s.in.lineOf(key), s.label(key)+" "+text, fix)
}

// report adds the faults of the value of a key.
func (s *section) report(key string, faults []fault) {
	for _, f := range faults {
		line := f.line
		if line == 0 {
			line = s.in.lineOf(key)
		}
		s.doc.problem(line, s.label(key)+" "+f.text, f.fix)
	}
}

// take returns the value of a key, or nil.
func (s *section) take(key string) *node {
	if s.in == nil {
		return nil
	}
	return s.in.take(key)
}

// key reads or writes one key. If the file does not have it, or has a faulty value,
// the value is preset.
func key[T any](s *section, name string, value *T, preset T, k kind[T]) {
	if !s.reading() {
		fmt.Fprintf(s.out, "%s = %s\n", name, k.write(*value))
		return
	}
	*value = preset
	n := s.take(name)
	if n == nil {
		return
	}
	v, faults := k.read(n)
	s.report(name, faults)
	if len(faults) == 0 {
		*value = v
	}
}

// inline reads or writes a table that is the value of a key. If the file does not
// have it, the presets of its keys apply.
func inline[T any](s *section, name string, value *T, keys func(*T, *section)) {
	if !s.reading() {
		fmt.Fprintf(s.out, "%s = %s\n", name, inlineText(value, keys))
		return
	}
	t := &section{doc: s.doc, name: s.label(name)}
	if n := s.take(name); n != nil {
		t.in = s.table(name, n)
	}
	keys(value, t)
	t.finish()
}

// inlines reads or writes an array of tables that is the value of a key.
func inlines[T any](s *section, name string, values *[]T, keys func(*T, *section)) {
	if !s.reading() {
		texts := make([]string, len(*values))
		for i := range *values {
			texts[i] = inlineText(&(*values)[i], keys)
		}
		fmt.Fprintf(s.out, "%s = [%s]\n", name, strings.Join(texts, ", "))
		return
	}
	readTables(s, name, s.label(name), values, keys)
}

// inlineText is a table in one line.
func inlineText[T any](value *T, keys func(*T, *section)) string {
	var b strings.Builder
	keys(value, &section{out: &b})
	return "{ " + strings.Join(strings.Split(strings.TrimSpace(b.String()), "\n"), ", ") + " }"
}

// readTables reads each table of an array of tables.
func readTables[T any](s *section, name, label string, values *[]T, keys func(*T, *section)) {
	*values = nil
	n := s.take(name)
	if n == nil {
		return
	}
	elements, ok := n.value.([]*node)
	if !ok {
		s.wrong(name, "is "+describe(n.value), "write an array of tables")
		return
	}
	for _, e := range elements {
		t := &section{doc: s.doc, name: label, in: s.table(name, e)}
		if t.in == nil {
			continue
		}
		var value T
		keys(&value, t)
		t.finish()
		*values = append(*values, value)
	}
}

// table is the value of n, or nil and a problem if that is not a table.
func (s *section) table(name string, n *node) *table {
	t, ok := n.value.(*table)
	if !ok {
		s.doc.problem(n.line, s.label(name)+" is "+describe(n.value), "write a table")
	}
	return t
}

// finish reports the keys that were not asked for.
func (s *section) finish() {
	if s.in == nil {
		return
	}
	for _, key := range s.in.unknown() {
		text, fix := fmt.Sprintf("unknown key %s", quote(key)), "remove it; `mmgw config` shows all keys"
		if s.name != "" {
			text += " in " + s.name
		}
		if !s.doc.findings.full(s.doc.file) {
			if home := s.doc.home(key); home != "" {
				fix = "it belongs in " + home
			} else if near := nearest(key, s.in.known); near != "" {
				fix = fmt.Sprintf("did you mean %q?", near)
			}
		}
		s.doc.problem(s.in.keys[key].line, text, fix)
	}
}

// homeOf is the table that has a key of that name, or "" unless exactly one has.
func homeOf(key string) (home string) {
	if slices.Contains(writerKeys, key) {
		return "[mta.configuration]"
	}
	table := ""
	for line := range strings.Lines(new(Config).Text()) {
		name, _, isKey := strings.Cut(strings.TrimSpace(line), " = ")
		switch {
		case strings.HasPrefix(name, "["):
			table = name
		case isKey && name == key && home != "":
			return ""
		case isKey && name == key:
			home = table
		}
	}
	return home
}

// top is the section of the keys before the first table.
func (d *document) top() *section { return &section{doc: d, in: d.root, out: d.out} }

// oneTable reads or writes the table [name].
func oneTable[T any](d *document, name string, value *T, keys func(*T, *section)) {
	s := &section{doc: d, name: "[" + name + "]", out: d.out}
	if !s.reading() {
		fmt.Fprintf(d.out, "\n%s\n", s.name)
	} else if n := d.root.take(name); n != nil {
		s.in = d.top().table(name, n)
	}
	keys(value, s)
	s.finish()
}

// arrayTable reads or writes the tables [[name]].
func arrayTable[T any](d *document, name string, values *[]T, keys func(*T, *section)) {
	label := "[[" + name + "]]"
	if d.out == nil {
		readTables(d.top(), name, label, values, keys)
		return
	}
	for i := range *values {
		fmt.Fprintf(d.out, "\n%s\n", label)
		keys(&(*values)[i], &section{doc: d, name: label, out: d.out})
	}
}

// namedTables reads or writes the tables [name.X], by X.
func namedTables[T any](d *document, name string, values *map[string]T, keys func(*T, *section)) {
	if d.out != nil {
		for _, x := range slices.Sorted(maps.Keys(*values)) {
			value := (*values)[x]
			fmt.Fprintf(d.out, "\n[%s.%s]\n", name, x)
			keys(&value, &section{doc: d, out: d.out})
		}
		return
	}
	*values = map[string]T{}
	n := d.root.take(name)
	if n == nil {
		return
	}
	all := d.top().table(name, n)
	if all == nil {
		return
	}
	for _, x := range all.unknown() {
		s := &section{doc: d, name: fmt.Sprintf("[%s.%s]", name, x)}
		if _, err := parseName(x); err != nil {
			d.problem(all.keys[x].line, fmt.Sprintf("[%s.%s]: the name is not valid: %v", name, quote(x), err), `use a-z, 0-9, "-" and "_"`)
			continue
		}
		if s.in = d.top().table(name+"."+x, all.keys[x]); s.in == nil {
			continue
		}
		var value T
		keys(&value, s)
		s.finish()
		(*values)[x] = value
	}
}
