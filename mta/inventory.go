package mta

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// Site is what the gateway tells a writer about itself. Its fields are columns
// of the table wire.TableGateway.
type Site struct {
	Hostname      string         // hostname
	LMTPTarget    string         // lmtp_target: "HOST:PORT", "" where there is only a socket
	LMTPSocket    string         // lmtp_socket: a path, or ""
	LookupTarget  string         // lookup_target: "HOST:PORT" of the lookup server, or ""
	LookupSocket  string         // lookup_socket: its path, or ""
	VERPDelimiter string         // verp_delimiter: stands before a detail, "+"
	SMTPHost      string         // smtp_host: the upstream MTA
	StateDir      string         // state_dir
	Dir           string         // mta_dir: where the files will stand
	Configuration map[string]any // [mta.configuration]: each text, number or truth value KEY is config.KEY
}

// ForwardDomain is a domain whose mail goes to a backend behind the gateway.
type ForwardDomain struct {
	Domain string
	To     string // as in [[forward]] to, "lmtp:127.0.0.1:8025"
}

// Inventory is the tables that a writer reads, the same for the same lists in
// whatever order they come:
//
//	gateway    one row, see Site; a target at "localhost" is written 127.0.0.1,
//	           because an MTA may look that name up in the DNS alone
//	domains    domain, alias_of, kind: every domain once, kind "list" or
//	           "forward"; alias_of is the public domain of the lists whose alias
//	           domain it is, else ""
//	lists      address, local, domain, id, alias_domain: address and domain are
//	           public; sorted by domain, then local
//	addresses  address, public, list, service, suffix, detail: up to nine of each
//	           list. address is under the domain by which the MTA knows the
//	           list; public is the same under the list's own domain, "" where
//	           that is another list's;
//	           list is the list's public address; detail is "1" where the
//	           address may go on with the delimiter and a detail, else "0".
//	           Sorted by that domain, then list, then as gateway.Suffixes
//	routes     domain, to: a row for each forward domain
//
// No address stands twice: what is a list's own name is not another list's
// suffixed address.
func Inventory(site Site, lists []gateway.List, forwards []ForwardDomain) gateway.Inventory {
	routed := slices.Clone(lists)
	slices.SortFunc(routed, func(a, b gateway.List) int {
		return cmp.Or(
			cmp.Compare(routedDomain(&a), routedDomain(&b)),
			cmp.Compare(a.Address.Local(), b.Address.Local()),
			cmp.Compare(a.Address.Domain(), b.Address.Domain()),
		)
	})
	return gateway.Inventory{
		wire.TableGateway:   {gatewayRow(site)},
		wire.TableDomains:   domainRows(routed, forwards),
		wire.TableLists:     listRows(routed),
		wire.TableAddresses: addressRows(routed),
		wire.TableRoutes:    routeRows(forwards),
	}
}

// routedDomain is the domain under which the MTA knows the list.
func routedDomain(l *gateway.List) string { return cmp.Or(l.AliasDomain, l.Address.Domain()) }

func gatewayRow(site Site) gateway.Row {
	row := gateway.Row{
		"hostname":       site.Hostname,
		"lmtp_target":    numericTarget(site.LMTPTarget),
		"lmtp_socket":    site.LMTPSocket,
		"lookup_target":  numericTarget(site.LookupTarget),
		"lookup_socket":  site.LookupSocket,
		"verp_delimiter": site.VERPDelimiter,
		"smtp_host":      site.SMTPHost,
		"state_dir":      site.StateDir,
		"mta_dir":        site.Dir,
	}
	for key, value := range site.Configuration {
		switch value.(type) {
		case string, bool, int, int64, float64:
			row["config."+key] = fmt.Sprint(value)
		}
	}
	return row
}

func numericTarget(target string) string {
	if host, port, err := net.SplitHostPort(target); err == nil && strings.EqualFold(host, "localhost") {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return target
}

func domainRows(lists []gateway.List, forwards []ForwardDomain) []gateway.Row {
	type domain struct{ name, aliasOf, kind string }
	var domains []domain
	for i := range lists {
		public := lists[i].Address.Domain()
		domains = append(domains, domain{public, "", "list"})
		if alias := lists[i].AliasDomain; alias != "" {
			domains = append(domains, domain{alias, public, "list"})
		}
	}
	for _, f := range forwards {
		domains = append(domains, domain{f.Domain, "", "forward"})
	}
	slices.SortFunc(domains, func(a, b domain) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.aliasOf, b.aliasOf), cmp.Compare(a.kind, b.kind))
	})
	var rows []gateway.Row
	for _, d := range slices.CompactFunc(domains, func(a, b domain) bool { return a.name == b.name }) {
		rows = append(rows, gateway.Row{"domain": d.name, "alias_of": d.aliasOf, "kind": d.kind})
	}
	return rows
}

func listRows(lists []gateway.List) []gateway.Row {
	public := slices.Clone(lists)
	slices.SortStableFunc(public, func(a, b gateway.List) int {
		return cmp.Or(cmp.Compare(a.Address.Domain(), b.Address.Domain()), cmp.Compare(a.Address.Local(), b.Address.Local()))
	})
	public = slices.CompactFunc(public, func(a, b gateway.List) bool { return a.Address == b.Address })
	rows := make([]gateway.Row, len(public))
	for i, l := range public {
		rows[i] = gateway.Row{
			"address":      string(l.Address),
			"local":        l.Address.Local(),
			"domain":       l.Address.Domain(),
			"id":           string(l.ID),
			"alias_domain": l.AliasDomain,
		}
	}
	return rows
}

func addressRows(lists []gateway.List) []gateway.Row {
	taken := make(map[gateway.ForwardPath]bool, len(lists))
	for i := range lists {
		taken[routedAddress(&lists[i], "")] = true
		taken[lists[i].Address] = true
	}
	seen := make(map[gateway.ForwardPath]bool, len(lists))
	rows := make([]gateway.Row, 0, len(lists)*len(gateway.Suffixes))
	for i := range lists {
		if posting := routedAddress(&lists[i], ""); !seen[posting] {
			seen[posting] = true
			rows = appendAddresses(rows, &lists[i], taken)
		}
	}
	return rows
}

func appendAddresses(rows []gateway.Row, l *gateway.List, taken map[gateway.ForwardPath]bool) []gateway.Row {
	for _, suffix := range gateway.Suffixes {
		address := routedAddress(l, suffix.Text)
		if suffix.Text != "" && taken[address] {
			continue
		}
		public := address
		if routedDomain(l) != l.Address.Domain() {
			public = l.ServiceAddress(suffix.Text)
		}
		if suffix.Text != "" && taken[public] {
			public = ""
		}
		detail := "0"
		if suffix.Detail {
			detail = "1"
		}
		rows = append(rows, gateway.Row{
			"address": string(address),
			"public":  string(public),
			"list":    string(l.Address),
			"service": string(suffix.Service),
			"suffix":  suffix.Text,
			"detail":  detail,
		})
	}
	return rows
}

func routedAddress(l *gateway.List, suffix string) gateway.ForwardPath {
	return gateway.ForwardPath(l.Address.Local() + suffix + "@" + routedDomain(l))
}

func routeRows(forwards []ForwardDomain) []gateway.Row {
	sorted := slices.Clone(forwards)
	slices.SortFunc(sorted, func(a, b ForwardDomain) int {
		return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.To, b.To))
	})
	var rows []gateway.Row
	for _, f := range slices.Compact(sorted) {
		rows = append(rows, gateway.Row{"domain": f.Domain, "to": f.To})
	}
	return rows
}
