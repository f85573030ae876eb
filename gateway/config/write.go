package config

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// redacted takes the place of a secret in Text.
const redacted = "********"

// Text is the effective configuration as TOML: every key with its value, paths
// absolute, and a table for each plugin. Secrets are replaced by stars. Parsing the
// text and writing it gives the same text again.
func (c *Config) Text() string {
	var b strings.Builder
	whole := *c
	whole.Plugins = map[string]Plugin{}
	for _, name := range c.PluginNames() {
		whole.Plugins[name] = c.Plugin(name)
	}
	whole.sections(&document{out: &b})
	return b.String()
}

// basicString is s as a TOML string. Octets that are not UTF-8 cannot be in a
// TOML file and become U+FFFD.
func basicString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// secret is a text that is never shown.
var secret = kind[string]{
	read:  anyText.read,
	write: func(s string) string { return basicString(conceal(s)) },
}

// conceal replaces a secret by stars, and "" by "".
func conceal(s string) string {
	if s == "" {
		return ""
	}
	return redacted
}

// free is a table of any keys: the settings of a module, a writer or a list. Dates
// become strings.
var free = kind[map[string]any]{
	read: func(n *node) (map[string]any, []fault) {
		t, ok := n.value.(*table)
		if !ok {
			return nil, one("is "+describe(n.value), "write a table")
		}
		return plainTable(t), nil
	},
	write: func(m map[string]any) string { return freeText("", m) },
}

// plainTable is a table without lines, in the types that gateway.LookupConfig
// reads.
func plainTable(t *table) map[string]any {
	m := make(map[string]any, len(t.keys))
	for key, n := range t.keys {
		m[key] = plain(n)
	}
	return m
}

// plain is a value without lines.
func plain(n *node) any {
	switch v := n.value.(type) {
	case *table:
		return plainTable(v)
	case []*node:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = plain(e)
		}
		return list
	case date:
		return string(v)
	}
	return n.value
}

// freeText writes the value of a key. A string is concealed if the name of the key
// suggests a secret.
func freeText(key string, value any) string {
	switch v := value.(type) {
	case map[string]any:
		texts := make([]string, 0, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			texts = append(texts, bareOrQuoted(k)+" = "+freeText(k, v[k]))
		}
		return strings.TrimSuffix("{ "+strings.Join(texts, ", "), " ") + " }"
	case []any:
		texts := make([]string, len(v))
		for i, e := range v {
			texts[i] = freeText(key, e)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case string:
		if suggestsSecret(key) {
			v = conceal(v)
		}
		return basicString(v)
	case float64:
		return floatText(v)
	}
	return fmt.Sprint(value)
}

// suggestsSecret guesses from the name of a key whether its value is a secret: which
// settings of a module are is known to the module alone.
func suggestsSecret(key string) bool {
	key = strings.ToLower(key)
	for _, word := range []string{"pass", "secret", "token", "credential", "api_key", "apikey", "private"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

// floatText writes a number so that TOML reads it back as a float.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// bareOrQuoted is a key as TOML wants it.
func bareOrQuoted(key string) string {
	if key != "" && strings.Trim(key, hostCharacters) == "" {
		return key
	}
	return basicString(key)
}
