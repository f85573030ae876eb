package authres

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// yamlReader reads as much of YAML as the suites of SPF and ARC use: block and
// flow collections, plain, quoted, literal and folded scalars. Every scalar is
// a string.
type yamlReader struct {
	lines []string
	at    int
}

// readYAML returns the documents of a file.
func readYAML(t *testing.T, path string) (documents []any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var document []string
	flush := func() {
		r := &yamlReader{lines: document}
		if r.skip() {
			documents = append(documents, r.block(0))
		}
		document = nil
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n") {
		if strings.TrimRight(line, " ") == "---" {
			flush()
			continue
		}
		document = append(document, line)
	}
	flush()
	return documents
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// skip goes to the next line that says something.
func (r *yamlReader) skip() bool {
	for ; r.at < len(r.lines); r.at++ {
		if text := strings.TrimSpace(r.lines[r.at]); text != "" && text[0] != '#' {
			return true
		}
	}
	return false
}

// block reads the collection that begins at the current line.
func (r *yamlReader) block(indent int) any {
	if text := strings.TrimSpace(r.lines[r.at]); text == "-" || strings.HasPrefix(text, "- ") {
		return r.sequence(indent)
	}
	m := map[string]any{}
	for r.skip() && indentOf(r.lines[r.at]) == indent {
		key, rest, ok := cutKey(r.lines[r.at][indent:])
		if !ok {
			panic(fmt.Sprintf("line %d is no key: %q", r.at, r.lines[r.at]))
		}
		m[key] = r.value(rest, indent)
	}
	return m
}

func (r *yamlReader) sequence(indent int) any {
	var s []any
	for r.skip() && indentOf(r.lines[r.at]) == indent && strings.HasPrefix(r.lines[r.at][indent:], "-") {
		line := r.lines[r.at]
		rest := strings.TrimLeft(line[indent+1:], " ")
		inner := len(line) - len(rest)
		if _, _, ok := cutKey(rest); ok && rest[0] != '"' && rest[0] != '\'' && rest[0] != '[' && rest[0] != '{' {
			r.lines[r.at] = strings.Repeat(" ", inner) + rest
			s = append(s, r.block(inner))
			continue
		}
		s = append(s, r.value(rest, indent))
	}
	return s
}

func cutKey(line string) (key, rest string, ok bool) {
	if line != "" && (line[0] == '"' || line[0] == '\'') {
		if end := strings.IndexByte(line[1:], line[0]); end >= 0 && strings.HasPrefix(line[end+2:], ":") {
			return line[1 : end+1], strings.TrimSpace(line[end+3:]), true
		}
		return "", "", false
	}
	if key, ok := strings.CutSuffix(strings.TrimRight(line, " "), ":"); ok && !strings.Contains(key, ": ") {
		return key, "", true
	}
	key, rest, ok = strings.Cut(line, ": ")
	return key, strings.TrimSpace(rest), ok
}

// value reads what follows a key or a hyphen at an indent, and ends
// after its last line.
func (r *yamlReader) value(rest string, indent int) any {
	r.at++
	switch {
	case rest == "":
		if !r.skip() {
			return ""
		}
		next := r.lines[r.at]
		if n := indentOf(next); n > indent || n == indent && strings.HasPrefix(next[n:], "-") {
			return r.block(n)
		}
		return ""
	case rest[0] == '|' || rest[0] == '>':
		return r.text(rest, indent)
	case rest[0] == '[' || rest[0] == '{':
		for depth(rest) > 0 {
			rest += " " + strings.TrimSpace(r.lines[r.at])
			r.at++
		}
		v, _ := flow(rest)
		return v
	case rest[0] == '"' || rest[0] == '\'':
		for end := closing(rest); end < 0; end = closing(rest) {
			rest += " " + strings.TrimSpace(r.lines[r.at])
			r.at++
		}
		return unquote(rest[:closing(rest)+1])
	}
	for r.at < len(r.lines) && strings.TrimSpace(r.lines[r.at]) != "" && indentOf(r.lines[r.at]) > indent {
		rest += " " + strings.TrimSpace(r.lines[r.at])
		r.at++
	}
	rest, _, _ = strings.Cut(rest, " #")
	return strings.TrimSpace(rest)
}

// text reads a literal or folded scalar.
func (r *yamlReader) text(head string, indent int) string {
	var lines []string
	inner := -1
	for ; r.at < len(r.lines); r.at++ {
		line := r.lines[r.at]
		switch n := indentOf(line); {
		case strings.TrimSpace(line) == "" && (inner < 0 || n < inner):
			lines = append(lines, "")
			continue
		case inner < 0 && n > indent:
			inner = n
		case inner < 0 || n < inner:
			return endText(head, lines)
		}
		lines = append(lines, line[inner:])
	}
	return endText(head, lines)
}

func endText(head string, lines []string) string {
	end := len(lines)
	for end > 0 && lines[end-1] == "" {
		end--
	}
	separator := "\n"
	if head[0] == '>' {
		separator = " "
	}
	text := strings.Join(lines[:end], separator)
	if text != "" && !strings.HasSuffix(head, "-") {
		text += "\n"
	}
	return text
}

// depth is how many brackets of a flow collection are open.
func depth(s string) (n int) {
	quote := rune(0)
	for _, c := range s {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[' || c == '{':
			n++
		case c == ']' || c == '}':
			n--
		}
	}
	return n
}

// flow reads a flow collection or a scalar within one.
func flow(s string) (any, string) {
	s = strings.TrimSpace(s)
	switch s[0] {
	case '[':
		var all []any
		s = strings.TrimSpace(s[1:])
		for s[0] != ']' {
			var v any
			v, s = flow(s)
			all = append(all, v)
			s = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), ","))
		}
		return all, s[1:]
	case '{':
		m := map[string]any{}
		s = strings.TrimSpace(s[1:])
		for s[0] != '}' {
			key, rest, _ := strings.Cut(s, ":")
			m[strings.TrimSpace(key)], s = flow(rest)
			s = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), ","))
		}
		return m, s[1:]
	case '"', '\'':
		end := closing(s)
		return unquote(s[:end+1]), s[end+1:]
	}
	end := strings.IndexAny(s, ",]}")
	return strings.TrimSpace(s[:end]), s[end:]
}

// closing is the place of the quote that ends the one that s begins with.
func closing(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[0] == '"' && s[i] == '\\':
			i++
		case s[0] == '\'' && s[i] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		case s[i] == s[0]:
			return i
		}
	}
	return -1
}

func unquote(s string) string {
	inner := s[1 : len(s)-1]
	if s[0] == '\'' {
		return strings.ReplaceAll(inner, "''", "'")
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		if inner[i] != '\\' || i+1 == len(inner) {
			b.WriteByte(inner[i])
			continue
		}
		i++
		switch inner[i] {
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case '0':
			b.WriteByte(0)
		case 'x':
			var c byte
			fmt.Sscanf(inner[i+1:i+3], "%02x", &c)
			b.WriteByte(c)
			i += 2
		default:
			b.WriteByte(inner[i])
		}
	}
	return b.String()
}
