package main

import (
	"errors"
	"strings"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/writer"
)

// format is how keys are written in a type of table.
type format struct {
	regexp    bool
	delimiter string // escaped: what stands between an address and its detail
}

func formatOf(inv *sdk.Inventory) (format, error) {
	switch kind := inv.Config("transport_file_type"); kind {
	case "", "hash", "lmdb", "texthash":
		return format{}, nil
	case "regexp", "regex":
		delimiter := inv.Gateway().Get("verp_delimiter")
		if delimiter == "" {
			delimiter = "+"
		}
		return format{regexp: true, delimiter: escape(delimiter)}, nil
	default:
		return format{}, errors.New(`transport_file_type "` + kind + `" in [mta.configuration] is none of hash, lmdb, texthash, regexp`)
	}
}

// address is the key of one address. Lookup tables find an address with a
// detail by themselves (recipient_delimiter); patterns must say it.
func (f format) address(address string, detail bool) string {
	if !f.regexp {
		return address
	}
	local, domain := writer.Split(address)
	if detail {
		return "/^" + escape(local) + "(" + f.delimiter + ".*)?@" + escape(domain) + "$/"
	}
	return "/^" + escape(address) + "$/"
}

// domain is the key of a domain in a list of domains.
func (f format) domain(domain string) string {
	if f.regexp {
		return "/^" + escape(domain) + "$/"
	}
	return domain
}

// wholeDomain are the keys of all addresses of a domain. A pattern sees whole
// addresses; of lookup tables, transport_maps asks for the domain and
// relay_recipient_maps for @domain.
func (f format) wholeDomain(domain string) []string {
	if f.regexp {
		return []string{"/@" + escape(domain) + "$/"}
	}
	return []string{domain, "@" + domain}
}

// rewritten is the value that sends an address to its alias domain. A detail
// stays: lookup tables carry it over, patterns name it.
func (f format) rewritten(local, domain string, detail bool) string {
	if !f.regexp {
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
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(`.[]()*+?{}^$|\/`, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
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
