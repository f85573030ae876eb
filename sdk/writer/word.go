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

// suspect are the octets that Check looks at twice, by value. A table costs a
// module half of what comparisons do.
var suspect = [256]bool{
	0: true, 1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true, 9: true, 10: true,
	11: true, 12: true, 13: true, 14: true, 15: true, 16: true, 17: true, 18: true, 19: true, 20: true, 21: true,
	22: true, 23: true, 24: true, 25: true, 26: true, 27: true, 28: true, 29: true, 30: true, 31: true, ' ': true,
	0x7f: true, '"': true, '\\': true, '/': true, '|': true, ',': true, '.': true,
}

// Check says why an address or a domain cannot stand in a file of an MTA: such
// files have words between white space, and some have commands behind a
// vertical bar. mmgw makes no list of such a name; Check is the second lock.
func Check(word string) error {
	var part error
	for i := range len(word) {
		switch c := word[i]; {
		case !suspect[c]:
		case c != '.':
			return errHeld(word)
		case i == 0 || word[i-1] == '.':
			part = errPart(word)
		}
	}
	if part == nil && (word == "" || strings.IndexByte("-#!:", word[0]) >= 0) {
		part = errPart(word)
	}
	return part
}

func errHeld(word string) error {
	return errors.New("a name has a character that MTA files cannot hold: " + word)
}

func errPart(word string) error {
	return errors.New("a name is empty, has an empty part, or begins with one of . - # ! : " + word)
}
