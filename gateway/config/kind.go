package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// kind is how the values of a key are written in the file. read reports what
// is wrong with a value; write is its inverse and gives TOML.
type kind[T any] struct {
	read  func(n *node) (T, []fault)
	write func(T) string
}

// describe names the type of a value for a person.
func describe(value any) string {
	switch value.(type) {
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case int64:
		return "a whole number"
	case float64:
		return "a number with a fraction"
	case []*node:
		return "an array"
	case *table:
		return "a table"
	}
	return "a date"
}

// scalarKind makes a kind of one TOML type. want says what is to be written.
func scalarKind[T any](want string, read func(any) (T, bool), write func(T) string) kind[T] {
	return kind[T]{
		read: func(n *node) (T, []fault) {
			v, ok := read(n.value)
			if !ok {
				return v, one("is "+describe(n.value), "write "+want)
			}
			return v, nil
		},
		write: write,
	}
}

// textKind makes a kind of a string that parse reads. want says what is to be
// written, with an example.
func textKind[T any](want string, parse func(string) (T, error), write func(T) string) kind[T] {
	return kind[T]{
		read: func(n *node) (v T, _ []fault) {
			s, ok := n.value.(string)
			if !ok {
				return v, one("is "+describe(n.value), "write "+want)
			}
			v, err := parse(s)
			if err != nil {
				return v, one(fmt.Sprintf("is %s: %v", quote(s), err), "write "+want)
			}
			return v, nil
		},
		write: func(v T) string { return basicString(write(v)) },
	}
}

// boolean is true or false, not a word or a number that stands for them.
var boolean = scalarKind("true or false", func(v any) (bool, bool) { b, ok := v.(bool); return b, ok }, strconv.FormatBool)

// anyText is any string.
var anyText = scalarKind("a string", func(v any) (string, bool) { s, ok := v.(string); return s, ok }, basicString)

// number is a whole number from low to high.
func number[T int | int64](low, high T) kind[T] {
	want := fmt.Sprintf("a whole number from %d to %d", low, high)
	return kind[T]{
		read: func(n *node) (T, []fault) {
			i, ok := n.value.(int64)
			switch {
			case !ok:
				return 0, one("is "+describe(n.value), "write "+want)
			case i < int64(low) || i > int64(high):
				return 0, one(fmt.Sprintf("is %d", i), "write "+want)
			}
			return T(i), nil
		},
		write: func(v T) string { return strconv.FormatInt(int64(v), 10) },
	}
}

// choice is one of a closed list of words.
func choice[T ~string](words ...T) kind[T] {
	names := make([]string, len(words))
	for i, word := range words {
		names[i] = string(word)
	}
	return kind[T]{
		read: func(n *node) (T, []fault) {
			s, ok := n.value.(string)
			switch {
			case !ok:
				return "", one("is "+describe(n.value), "write "+anyOf(names))
			case !slices.Contains(words, T(s)):
				return "", one("is "+quote(s), "write "+anyOf(names))
			}
			return T(s), nil
		},
		write: func(v T) string { return basicString(string(v)) },
	}
}

// arrayOf is an array of values of one kind. A fault has the line of its element.
func arrayOf[T any](element kind[T]) kind[[]T] {
	return kind[[]T]{
		read: func(n *node) ([]T, []fault) {
			elements, ok := n.value.([]*node)
			if !ok {
				return nil, one("is "+describe(n.value), "write an array: [...]")
			}
			values, faults := make([]T, 0, len(elements)), []fault(nil)
			for _, e := range elements {
				v, wrong := element.read(e)
				for _, f := range wrong {
					f.line = e.line
					faults = append(faults, f)
				}
				values = append(values, v)
			}
			return values, faults
		},
		write: func(values []T) string {
			texts := make([]string, len(values))
			for i, v := range values {
				texts[i] = element.write(v)
			}
			return "[" + strings.Join(texts, ", ") + "]"
		},
	}
}

// same writes a text as it is.
func same(s string) string { return s }

// orEmpty lets "" stand for the zero value of a kind.
func orEmpty[T comparable](k kind[T]) kind[T] {
	var zero T
	return kind[T]{
		read: func(n *node) (T, []fault) {
			if n.value == "" {
				return zero, nil
			}
			return k.read(n)
		},
		write: func(v T) string {
			if v == zero {
				return `""`
			}
			return k.write(v)
		},
	}
}

// The kinds of values that are strings in the file.
var (
	address = textKind(`an address such as "anne@example.com"`, parseAddress, func(p gateway.ForwardPath) string { return string(p) })

	domain = textKind(`a domain such as "lists.example.com"`, parseDomain, same)

	host = textKind(`a host name or an IP address`, parseHost, same)

	selector = textKind(`the name of a key in DNS, such as "s1"`, parseSelector, same)

	pluginName = textKind(`the name of a plugin: a-z, 0-9, "-" and "_"`, parseName, same)

	endpoint = textKind(`"host:port" or "unix:/path"`, ParseEndpoint, Endpoint.String)

	nextHop = textKind(`"lmtp:HOST:PORT", "lmtp:unix:/path" or "smtp:HOST:PORT"`, ParseNextHop, NextHop.String)

	hostPort = textKind(`"host:port"`, parseHostPort, same)

	duration = textKind(`a duration such as "5d", "15m", "30s" or "0"`, ParseDuration, FormatDuration)

	prefix = textKind(`a network such as "192.0.2.0/24" or an IP address`, parsePrefix, netip.Prefix.String)

	fileMode = textKind(`permissions such as "0660"`, parseMode, func(m fs.FileMode) string { return fmt.Sprintf("%#04o", uint32(m)) })

	digest = textKind(`64 hexadecimal digits, as sha256sum prints them`, parseDigest, same)

	level = textKind("debug, info, warn or error", parseLevel, func(l slog.Level) string { return strings.ToLower(l.String()) })
)

// size is a number of octets from low to high.
func size(low, high int64) kind[int64] {
	return textKind(fmt.Sprintf(`a size such as %q, from %s to %s`, "32MiB", FormatSize(low), FormatSize(high)), func(s string) (int64, error) {
		n, err := ParseSize(s)
		if err == nil && (n < low || n > high) {
			err = errors.New("out of range")
		}
		return n, err
	}, FormatSize)
}

// someTime is a duration that is not zero.
var someTime = textKind(`a duration such as "15m" or "30s", more than "0"`, func(s string) (d time.Duration, err error) {
	if d, err = ParseDuration(s); err == nil && d == 0 {
		err = errors.New("it must not be zero")
	}
	return d, err
}, FormatDuration)
