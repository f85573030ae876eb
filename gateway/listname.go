package gateway

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// DescriptionBytesMax bounds the description of a list, which goes into a header field
// of each post. GNU Mailman's have up to 255 characters.
const DescriptionBytesMax = 1000

// CheckDescription says what keeps a text from being the description of a list.
func CheckDescription(s string) error {
	switch {
	case strings.ContainsAny(s, "\r\n"):
		return errors.New("more than one line")
	case strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("it has a control character")
	case len(s) > DescriptionBytesMax:
		return fmt.Errorf("longer than %d octets", DescriptionBytesMax)
	}
	return nil
}

// ListNameBytesMax is the longest local part of a list: with "-unsubscribe" it is
// still a local part.
const ListNameBytesMax = LocalPartBytesMax - len("-unsubscribe")

// CheckListAddress says what keeps an address from being a list's. It is written
// into tables of MTAs, into file names and into commands: what one of them takes
// for something else is refused, whichever MTA there is. "+" begins a detail,
// and by "%", "!" and "|" MTAs send mail elsewhere.
func CheckListAddress(list ForwardPath) error {
	local := list.Local()
	switch {
	case local == "":
		return errors.New("the name is empty")
	case strings.ContainsAny(local, "+/"):
		return errors.New(`the name has a "+" or a "/"`)
	case strings.HasPrefix(local, `"`):
		return errors.New("the name is not a plain word")
	case strings.ContainsAny(local[:1], "-|."):
		return errors.New(`the name begins with "-", "|" or "."`)
	case strings.ContainsAny(local, "%!|"):
		return errors.New(`the name has a "%", a "!" or a "|"`)
	case local[0] == '#':
		return errors.New(`the name begins with "#", as comments do`)
	case len(local) > ListNameBytesMax:
		return fmt.Errorf("the name is longer than %d octets", ListNameBytesMax)
	case strings.HasPrefix(list.Domain(), "["):
		return errors.New("a list lives in a domain, not at an IP address")
	}
	return nil
}
