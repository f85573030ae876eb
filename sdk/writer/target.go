package writer

import (
	"errors"
	"strings"

	"github.com/mmgw/mmgw/sdk"
)

// Target is where an MTA finds mmgw's LMTP server: a host and a port, or a
// Unix socket where Host is "".
type Target struct{ Host, Port, Socket string }

// LMTP reads the target from the inventory. The host has no brackets, and
// "localhost" is 127.0.0.1: Postfix asks DNS alone for a next hop and bounces
// what it does not find there.
func LMTP(inv *sdk.Inventory) (Target, error) {
	gateway := inv.Gateway()
	address, socket := gateway.Get("lmtp_target"), gateway.Get("lmtp_socket")
	if address == "" && socket == "" {
		return Target{}, errors.New("the inventory names no LMTP server: neither lmtp_target nor lmtp_socket")
	}
	if address == "" {
		return Target{Socket: socket}, nil
	}
	colon := strings.LastIndexByte(address, ':')
	if colon < 1 || colon == len(address)-1 {
		return Target{}, errors.New("lmtp_target is not HOST:PORT: " + address)
	}
	host := strings.Trim(address[:colon], "[]")
	if Lower(host) == "localhost" {
		host = "127.0.0.1"
	}
	return Target{Host: host, Port: address[colon+1:]}, nil
}

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

// Check says why an address or a domain cannot stand in a file of an MTA: such
// files have words between white space, and some have commands behind a
// vertical bar. mmgw makes no list of such a name; Check is the second lock.
func Check(word string) error {
	for i := range len(word) {
		c := word[i]
		if c <= ' ' || c == 0x7f || c == '"' || c == '\\' || c == '/' || c == '|' || c == ',' {
			return errors.New("a name has a character that MTA files cannot hold: " + word)
		}
	}
	if word == "" || strings.IndexByte(".-#!:", word[0]) >= 0 || strings.Contains(word, "..") {
		return errors.New("a name is empty, has an empty part, or begins with one of . - # ! : " + word)
	}
	return nil
}
