package writer

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/wire"
)

// Domain is a domain whose mail mmgw takes: a domain of lists, an alias domain of lists, or
// one that is forwarded.
type Domain struct {
	Name    string
	Forward bool
	Alias   bool // of lists in another domain
}

// Domains are all domains, sorted, each once, and checked with Check.
func Domains(inv *sdk.Inventory) ([]Domain, error) {
	var domains []Domain
	for row := range inv.Table(wire.TableDomains).Rows {
		d := Domain{Name: Lower(row.Get("domain")), Forward: row.Get("kind") == "forward", Alias: row.Get("alias_of") != ""}
		if err := Check(d.Name); err != nil {
			return nil, err
		}
		domains = append(domains, d)
	}
	return domains, nil
}

// Addresses calls f for each address of each list, in lower case: in the domain by which the
// MTA knows the list, and also in the list's own domain if that is another. An address is
// valid only during its call.
func Addresses(inv *sdk.Inventory, f func(address string)) error {
	for row := range inv.Table(wire.TableAddresses).Scan("address", "public") {
		address := Lower(row[0])
		if err := Check(address); err != nil {
			return err
		}
		f(address)
		if public := Lower(row[1]); public != "" && public != address {
			f(public)
		}
	}
	return nil
}
