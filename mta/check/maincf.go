package check

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// settings are those of Postfix, as postconf tells them, with what main.cf
// itself says and where.
type settings struct {
	effective map[string]string // with $names replaced
	raw       map[string]string // in main.cf, as it stands there
	lines     map[string]int
	mainCF    string // path
}

// parsePostconf reads the lines "name = value" that postconf prints.
func parsePostconf(text string) settings {
	s := settings{effective: map[string]string{}, raw: map[string]string{}, lines: map[string]int{}}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(line, "="); ok {
			s.effective[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	s.mainCF = filepath.Join(s.effective["config_directory"], "main.cf")
	return s
}

// readMainCF notes where each setting stands; the last one counts. What cannot
// be read has no lines.
func (s *settings) readMainCF() {
	text, err := os.ReadFile(s.mainCF)
	if err != nil {
		return
	}
	for _, set := range parseMainCF(string(text)) {
		s.raw[set.name], s.lines[set.name] = set.value, set.line
	}
}

// setting is one of main.cf.
type setting struct {
	name, value string
	line        int
}

// parseMainCF reads postconf(5): a line that begins with white space goes on
// with the one before; comments may stand between them.
func parseMainCF(text string) []setting {
	var all []setting
	n := 0
	for line := range strings.Lines(text) {
		n++
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			if len(all) > 0 {
				last := &all[len(all)-1]
				last.value = strings.TrimSpace(last.value + " " + trimmed)
			}
		default:
			name, value, ok := strings.Cut(trimmed, "=")
			if ok {
				all = append(all, setting{strings.TrimSpace(name), strings.TrimSpace(value), n})
			}
		}
	}
	return all
}

// words are the elements of a list in main.cf.
func words(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
}

// has says whether a list has a table, by itself or through proxymap(8).
func has(list []string, table string) bool {
	return slices.Contains(list, table) || slices.Contains(list, "proxy:"+table)
}

// finding is one about a setting, with the value that it should have.
func (s *settings) finding(text, name, value string) Finding {
	return Finding{Finding: text, File: s.mainCF, Line: s.lines[name], Fix: name + " = " + value}
}

// with is the line that has elements beside what main.cf says already, except for
// those that are to go.
func (s *settings) with(name string, elements, gone []string) string {
	all := []string{}
	if raw := s.raw[name]; len(gone) > 0 {
		all = slices.DeleteFunc(words(raw), func(w string) bool { return slices.Contains(gone, w) })
	} else if raw != "" {
		all = append(all, raw)
	}
	return strings.Join(append(all, elements...), ", ")
}

// without is the list of a setting without one of its elements.
func (s *settings) without(name, element string) string {
	list := words(s.raw[name])
	if !slices.Contains(list, element) { // it is there by another name
		list = words(s.effective[name])
	}
	return strings.Join(slices.DeleteFunc(list, func(w string) bool { return w == element }), ", ")
}
