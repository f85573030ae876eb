package writertest

import (
	"cmp"
	"slices"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// Builder makes an inventory as mmgw does (sdk/ABI.md, Inventory): rows
// sorted, nine addresses a list.
type Builder struct {
	gateway gateway.Row
	lists   gateway.Rows
	domains map[string]gateway.Row
	routes  gateway.Rows
}

// Gateway sets a column of the gateway's row.
func (b *Builder) Gateway(column, value string) {
	if b.gateway == nil {
		b.gateway = gateway.Row{"verp_delimiter": "+", "hostname": "mx.example.com"}
	}
	b.gateway[column] = value
}

// List adds a list; alias is its alias domain, or "".
func (b *Builder) List(address, alias string) {
	path := gateway.ForwardPath(address)
	b.domain(path.Domain(), "", "list")
	if alias != "" {
		b.domain(alias, path.Domain(), "list")
	}
	b.lists = append(b.lists, gateway.Row{
		"address":      address,
		"local":        path.Local(),
		"domain":       path.Domain(),
		"id":           string(gateway.NewListID(path)),
		"alias_domain": alias,
	})
}

// Forward adds a domain whose mail goes to a backend.
func (b *Builder) Forward(domain, to string) {
	b.domain(domain, "", "forward")
	b.routes = append(b.routes, gateway.Row{"domain": domain, "to": to})
}

func (b *Builder) domain(name, aliasOf, kind string) {
	if b.domains == nil {
		b.domains = map[string]gateway.Row{}
	}
	b.domains[name] = gateway.Row{"domain": name, "alias_of": aliasOf, "kind": kind}
}

// Inventory returns the tables.
func (b *Builder) Inventory() gateway.Inventory {
	slices.SortFunc(b.lists, func(x, y gateway.Row) int {
		return cmp.Or(cmp.Compare(known(x), known(y)), cmp.Compare(x["local"], y["local"]), cmp.Compare(x["domain"], y["domain"]))
	})
	if b.gateway == nil {
		b.Gateway("verp_delimiter", "+")
	}
	var domains, all gateway.Rows
	for _, row := range b.domains {
		domains = append(domains, row)
	}
	slices.SortFunc(domains, func(x, y gateway.Row) int { return cmp.Compare(x["domain"], y["domain"]) })
	posting := map[string]bool{}
	for _, row := range b.lists {
		posting[row["address"]] = true
	}
	for _, row := range b.lists {
		all = append(all, addresses(row, posting)...)
	}
	return gateway.Inventory{
		wire.TableGateway:   gateway.Rows{b.gateway},
		wire.TableLists:     b.lists,
		wire.TableRoutes:    b.routes,
		wire.TableDomains:   domains,
		wire.TableAddresses: all,
	}
}

// known is the domain by which the MTA knows a list.
func known(row gateway.Row) string { return cmp.Or(row["alias_domain"], row["domain"]) }

func addresses(list gateway.Row, posting map[string]bool) []gateway.Row {
	var rows []gateway.Row
	for _, suffix := range gateway.Suffixes {
		detail := "0"
		if suffix.Detail {
			detail = "1"
		}
		public := list["local"] + suffix.Text + "@" + list["domain"]
		if suffix.Text != "" && posting[public] {
			public = ""
		}
		rows = append(rows, gateway.Row{
			"public":  public,
			"address": list["local"] + suffix.Text + "@" + known(list),
			"list":    list["address"],
			"service": string(suffix.Service),
			"suffix":  suffix.Text,
			"detail":  detail,
		})
	}
	return rows
}
