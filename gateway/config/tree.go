package config

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// node is one value of the file, and its line. value is a string, bool, int64,
// float64, date, []*node or *table.
type node struct {
	line  int
	value any
}

// date is a date or a time, as the file has it.
type date string

// table is a table of the file. Keys that no section asks for are problems.
type table struct {
	line  int
	keys  map[string]*node
	known []string // keys that a section asked for
}

// newTable is an empty table that begins on line.
func newTable(line int) *table { return &table{line: line, keys: map[string]*node{}} }

// take returns the value of a key, or nil, and marks the key as known.
func (t *table) take(key string) *node {
	t.known = append(t.known, key)
	return t.keys[key]
}

// lineOf is the line of a key, or that of the table if it does not have the key.
func (t *table) lineOf(key string) int {
	if t == nil {
		return 0
	}
	if n := t.keys[key]; n != nil {
		return n.line
	}
	return t.line
}

// unknown returns the keys that no section asked for, by line.
func (t *table) unknown() []string {
	var keys []string
	for key := range t.keys {
		if !slices.Contains(t.known, key) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		if d := t.keys[a].line - t.keys[b].line; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return keys
}

// parseTree reads TOML. The library's decoder checks the syntax, and rules such as
// that no key is given twice. Its result has no line numbers, so a second pass over
// the syntax tree builds a tree that has them.
func parseTree(data []byte) (*table, []fault) {
	var judged map[string]any
	if err := toml.Unmarshal(data, &judged); err != nil {
		return nil, []fault{syntaxFault(err)}
	}
	b := builder{lines: lineStarts(data)}
	b.parser.Reset(data)
	root := newTable(1)
	at := root
	for b.parser.NextExpression() {
		switch expression := b.parser.Expression(); expression.Kind {
		case unstable.Table, unstable.ArrayTable:
			at = b.open(root, expression)
		case unstable.KeyValue:
			b.set(at, expression)
		}
	}
	return root, nil
}

// syntaxFault is what the library finds wrong with a file, and where.
func syntaxFault(err error) fault {
	f := fault{line: 1, text: strings.TrimPrefix(err.Error(), "toml: "), fix: "the file must be TOML"}
	if decode, ok := errors.AsType[*toml.DecodeError](err); ok {
		f.line, _ = decode.Position()
	}
	switch {
	case strings.Contains(f.text, "already"):
		f.fix = "write all keys of a table in one place, and each of them once"
	case strings.Contains(f.text, "at start of value"):
		f.fix = `put text in quotes, such as "localhost"`
	}
	return f
}

// builder turns expressions of the syntax tree into tables. The document is known
// to be valid.
type builder struct {
	parser unstable.Parser
	lines  []int // offsets at which lines start
}

// lineStarts finds the offsets at which lines start, so that the line of an offset
// takes a binary search: the library counts from the beginning of the file each time.
func lineStarts(data []byte) []int {
	starts := []int{0}
	for at := 0; ; {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			return starts
		}
		at += i + 1
		starts = append(starts, at)
	}
}

// line is the line that a node begins on.
func (b *builder) line(n *unstable.Node) int {
	i, found := slices.BinarySearch(b.lines, int(n.Raw.Offset))
	if found {
		i++
	}
	return i
}

// open returns the table that [a.b] or [[a.b]] begins.
func (b *builder) open(root *table, header *unstable.Node) *table {
	at := root
	for keys := header.Key(); keys.Next(); {
		key, line := string(keys.Node().Data), b.line(keys.Node())
		if keys.IsLast() && header.Kind == unstable.ArrayTable {
			return at.extend(key, line)
		}
		at = at.child(key, line)
	}
	if len(at.keys) == 0 {
		at.line = b.line(header.Child())
	}
	return at
}

// extend adds a table to the array of tables under key.
func (t *table) extend(key string, line int) *table {
	added := newTable(line)
	array := t.keys[key]
	if array == nil {
		array = &node{line: line}
		t.keys[key] = array
	}
	tables, _ := array.value.([]*node)
	array.value = append(tables, &node{line, added})
	return added
}

// child is the table under key, or the last one if there is an array of tables. If
// there is none it makes one.
func (t *table) child(key string, line int) *table {
	if n := t.keys[key]; n != nil {
		if tables, ok := n.value.([]*node); ok && len(tables) > 0 {
			n = tables[len(tables)-1]
		}
		if found, ok := n.value.(*table); ok {
			return found
		}
	}
	made := newTable(line)
	t.keys[key] = &node{line, made}
	return made
}

// set puts the value of a.b = value into at.
func (b *builder) set(at *table, pair *unstable.Node) {
	for keys := pair.Key(); keys.Next(); {
		key, line := string(keys.Node().Data), b.line(keys.Node())
		if keys.IsLast() {
			at.keys[key] = b.value(pair.Value(), line)
			return
		}
		at = at.child(key, line)
	}
}

// value converts a value whose key is on line.
func (b *builder) value(n *unstable.Node, line int) *node {
	switch n.Kind {
	case unstable.Array:
		elements := []*node{}
		for children := n.Children(); children.Next(); {
			elements = append(elements, b.value(children.Node(), b.elementLine(children.Node(), line)))
		}
		return &node{line, elements}
	case unstable.InlineTable:
		t := newTable(line)
		for children := n.Children(); children.Next(); {
			b.set(t, children.Node())
		}
		return &node{line, t}
	}
	return &node{line, scalar(n)}
}

// elementLine is the line of an element of an array. The library gives no position
// for an array within an array: it gets the line of the key.
func (b *builder) elementLine(n *unstable.Node, line int) int {
	if n.Kind == unstable.Array {
		return line
	}
	return b.line(n)
}

// scalar converts a value that is neither an array nor a table.
func scalar(n *unstable.Node) any {
	text := string(n.Data)
	switch n.Kind {
	case unstable.String:
		return text
	case unstable.Bool:
		return text == "true"
	case unstable.Integer:
		i, _ := strconv.ParseInt(text, 0, 64)
		return i
	case unstable.Float:
		f, _ := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
		return f
	}
	return date(text)
}
