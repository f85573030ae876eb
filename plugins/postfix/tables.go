package main

import (
	"strings"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/wire"
	"github.com/mmgw/mmgw/sdk/writer"
)

// renderer writes the files of one inventory.
type renderer struct {
	inv     *sdk.Inventory
	format  format
	domains []writer.Domain
	nextHop string
	aliased bool   // a list is known by an alias domain
	key     []byte // of the line in progress
}

func render(inv *sdk.Inventory) error {
	f, err := formatOf(inv)
	if err != nil {
		return err
	}
	target, err := writer.LMTP(inv)
	if err != nil {
		return err
	}
	domains, err := writer.Domains(inv)
	if err != nil {
		return err
	}
	r := renderer{inv: inv, format: f, domains: domains, nextHop: nextHop(target)}
	if f.kind != "socketmap" {
		if err := r.tables(); err != nil {
			return err
		}
	}
	return r.settings(target)
}

func (r *renderer) tables() error {
	if err := r.lmtp(); err != nil {
		return err
	}
	if err := r.relayed(); err != nil {
		return err
	}
	return r.vmap()
}

func (r *renderer) begin(name, purpose string) (*sdk.File, error) {
	file, err := r.inv.File(name, writer.FileMode)
	if err != nil {
		return nil, err
	}
	file.WriteString("# ", name, ": ", purpose, ".\n# mmgw renders this file from its lists and forgets changes made here.\n\n")
	return file, nil
}

// lmtp renders the transport of every address.
func (r *renderer) lmtp() error {
	file, err := r.begin("postfix_lmtp", "transport_maps and relay_recipient_maps")
	if err != nil {
		return err
	}
	heading := ""
	err = r.lists(false, func(l list) {
		if l.domain != heading {
			heading = strings.Clone(l.domain)
			file.WriteString("# Lists of @", heading, "\n")
		}
		width := l.width(l.domain) + strings.Count(l.local, ".") + strings.Count(l.domain, ".") + 10
		for _, e := range l.entries {
			r.address(file, l, e, l.domain, width, r.nextHop)
		}
		file.WriteString("\n")
	})
	if err != nil {
		return err
	}
	for _, d := range r.domains {
		if !d.Forward {
			continue
		}
		file.WriteString("# Everything of @", d.Name, "\n")
		for _, key := range r.format.wholeDomain(d.Name) {
			line(file, key, 0, r.nextHop)
		}
	}
	return file.Close()
}

// relayed renders the domains that Postfix takes mail for. The value names
// the domain that lists have in mmgw.
func (r *renderer) relayed() error {
	file, err := r.begin("postfix_domains", "relay_domains")
	if err != nil {
		return err
	}
	last, at := "", 0 // lists stand sorted by this domain, as the domains do
	for row := range r.inv.Table(wire.TableLists).Scan("domain", "alias_domain") {
		home, domain := row[0], row[1]
		if domain == "" {
			domain = home
		}
		r.aliased = r.aliased || domain != home
		if domain == last {
			continue
		}
		last = strings.Clone(domain)
		for at < len(r.domains)-1 && r.domains[at].Name < domain {
			at++
		}
		if r.domains[at].Name != domain || !r.domains[at].Forward {
			line(file, r.format.domain(domain), 0, home)
		}
	}
	for _, d := range r.domains {
		if d.Forward {
			line(file, r.format.domain(d.Name), 0, d.Name)
		}
	}
	return file.Close()
}

// vmap renders the way from the addresses that people know to those under the
// alias domain. The file is there without any, so that main.cf may always name
// it.
func (r *renderer) vmap() error {
	file, err := r.begin("postfix_vmap", "virtual_alias_maps")
	if err != nil {
		return err
	}
	if !r.aliased {
		return file.Close()
	}
	err = r.lists(true, func(l list) {
		if l.domain == l.home {
			return
		}
		file.WriteString("# ", l.home, " is ", l.domain, " here\n")
		width := l.width(l.home) + 13
		for _, e := range l.entries {
			if e.public {
				r.address(file, l, e, l.home, width, r.format.rewritten(l.local+e.suffix, l.domain, e.detail))
			}
		}
		file.WriteString("\n")
	})
	if err != nil {
		return err
	}
	return file.Close()
}

// address writes the key of an address under a domain and its value, as line
// does.
func (r *renderer) address(file *sdk.File, l list, e entry, domain string, width int, value string) {
	r.key = r.format.appendAddress(r.key[:0], l.local, e.suffix, domain, e.detail)
	file.Write(r.key)
	file.Pad(width - len(r.key))
	file.WriteString(value, "\n")
}

// line writes a key, padded to width but with one space at least, and a value.
func line(file *sdk.File, key string, width int, value string) {
	file.WriteString(key)
	file.Pad(width - len(key))
	file.WriteString(value, "\n")
}
