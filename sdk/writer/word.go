package writer

import (
	"errors"
	"strings"
)

// Split cuts an address at its last @.
func Split(address string) (local, domain string) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address, ""
	}
	return address[:at], address[at+1:]
}

// Lower is s with A to Z in lower case, which is what MTAs compare.
func Lower(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			lower := []byte(s)
			for j := i; j < len(lower); j++ {
				if c := lower[j]; 'A' <= c && c <= 'Z' {
					lower[j] += 'a' - 'A'
				}
			}
			return string(lower)
		}
	}
	return s
}

// Check says why an address or a domain must not be written to a file of an MTA: such files
// have words between white space, and in some of them a vertical bar begins a command. mmgw
// makes no list with such a name; Check is a second safeguard.
func Check(word string) error {
	empty := word == ""
	for i := range len(word) {
		switch c := word[i]; {
		case c <= ' ', c == 0x7f, c == '"', c == '\\', c == '/', c == '|', c == ',':
			return errHeld(word)
		case c == '.' && (i == 0 || word[i-1] == '.'):
			empty = true
		}
	}
	if empty || strings.IndexByte("-#!:", word[0]) >= 0 {
		return errPart(word)
	}
	return nil
}

func errHeld(word string) error {
	return errors.New("a name has a character that MTA files cannot hold: " + word)
}

func errPart(word string) error {
	return errors.New("a name is empty, has an empty part, or begins with one of . - # ! : " + word)
}
