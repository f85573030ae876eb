package main

import (
	"errors"
	"strings"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/writer"
)

// format is how keys are written in a type of table, and how main.cf names one.
type format struct {
	kind      string // hash, lmdb, texthash, regexp or socketmap
	delimiter string // what stands between an address and its detail
	place     string // the folder of the files, or the lookup server
}

func formatOf(inv *sdk.Inventory) (format, error) {
	f := format{kind: inv.Config("transport_file_type"), delimiter: writer.Delimiter(inv), place: writer.Dir(inv)}
	switch f.kind {
	case "":
		f.kind = "hash"
	case "regex":
		f.kind = "regexp"
	case "hash", "lmdb", "texthash", "regexp":
	case "socketmap":
		server, err := lookupServer(inv)
		f.place = server
		return f, err
	default:
		return f, errors.New(`transport_file_type "` + f.kind + `" in [mta.configuration] is none of hash, lmdb, texthash, regexp, socketmap`)
	}
	return f, nil
}

// lookupServer is the server as socketmap_table(5) writes it.
func lookupServer(inv *sdk.Inventory) (string, error) {
	server, err := writer.Lookup(inv)
	switch {
	case err != nil:
		return "", err
	case server.Port == "0":
		return "", errors.New(`transport_file_type = "socketmap" names the port in main.cf: have one in [lookup] listen`)
	case server.Host != "":
		return "inet:" + server.Address(), nil
	case server.Socket != "":
		return "unix:" + server.Socket, nil
	}
	return "", errors.New(`transport_file_type = "socketmap" asks the gateway itself: set [lookup] listen`)
}

// isRegexp says that keys are patterns, and see whole addresses.
func (f format) isRegexp() bool { return f.kind == "regexp" }

// table is a table as main.cf names it: the file postfix_NAME, or what the
// lookup server calls it.
func (f format) table(name, question string) string {
	if f.kind == "socketmap" {
		return f.kind + ":" + f.place + ":" + question
	}
	return f.kind + ":" + f.place + "/postfix_" + name
}

// appendAddress adds the key of the address local+suffix@domain. Lookup tables
// find an address with a detail by themselves (recipient_delimiter); patterns
// must say it.
func (f format) appendAddress(key []byte, local, suffix, domain string, detail bool) []byte {
	if !f.isRegexp() {
		key = append(append(key, local...), suffix...)
		return append(append(key, '@'), domain...)
	}
	key = appendEscaped(append(key, "/^"...), local)
	key = appendEscaped(key, suffix)
	if detail {
		key = appendEscaped(append(key, '('), f.delimiter)
		key = append(key, ".*)?"...)
	}
	key = appendEscaped(append(key, '@'), domain)
	return append(key, "$/"...)
}

// domain is the key of a domain in a list of domains.
func (f format) domain(domain string) string {
	if f.isRegexp() {
		return "/^" + escape(domain) + "$/"
	}
	return domain
}

// wholeDomain are the keys of all addresses of a domain. A pattern sees whole
// addresses; of lookup tables, transport_maps asks for the domain and
// relay_recipient_maps for @domain.
func (f format) wholeDomain(domain string) []string {
	if f.isRegexp() {
		return []string{"/@" + escape(domain) + "$/"}
	}
	return []string{domain, "@" + domain}
}

// rewritten is the value that sends an address to its alias domain. A detail
// stays: lookup tables carry it over, patterns name it.
func (f format) rewritten(local, domain string, detail bool) string {
	if !f.isRegexp() {
		return local + "@" + domain
	}
	local = strings.ReplaceAll(local, "$", "$$")
	if detail {
		local += "$1"
	}
	return local + "@" + domain
}

// escape takes the meaning from every character that has one in a POSIX
// extended regular expression, or ends it.
func escape(s string) string { return string(appendEscaped(nil, s)) }

func appendEscaped(to []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '.', '[', ']', '(', ')', '*', '+', '?', '{', '}', '^', '$', '|', '\\', '/':
			to = append(to, '\\', c)
		default:
			to = append(to, c)
		}
	}
	return to
}

// nextHop is the transport that every address has. Brackets keep Postfix from
// asking for MX records.
func nextHop(t writer.Target) string {
	switch {
	case t.Host == "":
		return "lmtp:unix:" + t.Socket
	case strings.Contains(t.Host, ":"):
		return "lmtp:[ipv6:" + t.Host + "]:" + t.Port
	}
	return "lmtp:[" + t.Host + "]:" + t.Port
}
