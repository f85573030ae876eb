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
//	           public; sorted by the domain by which the MTA knows the list,
//	           then local
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
	routed := sorted(lists)
	return gateway.Inventory{
		wire.TableGateway:   gateway.Rows{gatewayRow(site)},
		wire.TableDomains:   domainRows(routed, forwards),
		wire.TableLists:     listTable(routed),
		wire.TableAddresses: addressTable(routed),
		wire.TableRoutes:    routeRows(forwards),
	}
}

// sorted are the lists by the domain under which the MTA knows them, then by
// name, then by address. They are many and large, so that references are moved.
func sorted(lists []gateway.List) []*gateway.List {
	type key struct {
		domain, local string
		list          *gateway.List
	}
	keys := make([]key, len(lists))
	for i := range lists {
		l := &lists[i]
		keys[i] = key{routedDomain(l), l.Address.Local(), l}
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.domain, b.domain), cmp.Compare(a.local, b.local), cmp.Compare(a.list.Address, b.list.Address))
	})
	all := make([]*gateway.List, len(keys))
	for i, k := range keys {
		all[i] = k.list
	}
	return all
}

// table is a gateway.Table whose values are computed from rows of type T.
type table[T any] struct {
	rows    []T
	columns []string
	value   func(row *T, column string) (string, bool)
}

func (t table[T]) Len() int                                    { return len(t.rows) }
func (t table[T]) Columns(int) []string                        { return t.columns }
func (t table[T]) Value(row int, column string) (string, bool) { return t.value(&t.rows[row], column) }

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

func domainRows(lists []*gateway.List, forwards []ForwardDomain) gateway.Rows {
	type domain struct{ name, aliasOf, kind string }
	var domains []domain
	add := func(d domain) {
		if len(domains) == 0 || domains[len(domains)-1] != d { // lists stand sorted
			domains = append(domains, d)
		}
	}
	for _, l := range lists {
		public := l.Address.Domain()
		add(domain{public, "", "list"})
		if l.AliasDomain != "" {
			add(domain{l.AliasDomain, public, "list"})
		}
	}
	for _, f := range forwards {
		domains = append(domains, domain{f.Domain, "", "forward"})
	}
	slices.SortFunc(domains, func(a, b domain) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.aliasOf, b.aliasOf), cmp.Compare(a.kind, b.kind))
	})
	var rows gateway.Rows
	for _, d := range slices.CompactFunc(domains, func(a, b domain) bool { return a.name == b.name }) {
		rows = append(rows, gateway.Row{"domain": d.name, "alias_of": d.aliasOf, "kind": d.kind})
	}
	return rows
}

func listTable(lists []*gateway.List) gateway.Table {
	return table[*gateway.List]{
		rows:    slices.CompactFunc(slices.Clone(lists), func(a, b *gateway.List) bool { return a.Address == b.Address }),
		columns: []string{"address", "local", "domain", "id", "alias_domain"},
		value:   listColumn,
	}
}

func listColumn(row **gateway.List, column string) (string, bool) {
	l := *row
	switch column {
	case "address":
		return string(l.Address), true
	case "local":
		return l.Address.Local(), true
	case "domain":
		return l.Address.Domain(), true
	case "id":
		return string(l.ID), true
	case "alias_domain":
		return l.AliasDomain, true
	}
	return "", false
}

// addressRow is one of the addresses of a list.
type addressRow struct {
	list     *gateway.List
	suffix   uint8 // of gateway.Suffixes
	isPublic bool  // it is also an address of this list under its public domain
}

func addressTable(lists []*gateway.List) gateway.Table {
	taken := map[gateway.ForwardPath]bool{} // by lists whose names look like a service of another: few, if any
	for _, l := range lists {
		if endsAsService(l.Address.Local()) {
			taken[routedAddress(l, "")] = true
			taken[l.Address] = true
		}
	}
	rows := make([]addressRow, 0, len(lists)*len(gateway.Suffixes))
	last := gateway.ForwardPath("")
	for _, l := range lists {
		if posting := routedAddress(l, ""); posting != last { // the same ones stand together
			last = posting
			rows = appendAddresses(rows, l, taken)
		}
	}
	return table[addressRow]{
		rows: rows, columns: []string{"address", "public", "list", "service", "suffix", "detail"}, value: addressColumn,
	}
}

func appendAddresses(rows []addressRow, l *gateway.List, taken map[gateway.ForwardPath]bool) []addressRow {
	aliased := isAliased(l)
	for i, suffix := range gateway.Suffixes {
		own := suffix.Text == "" || len(taken) == 0
		if own || !taken[routedAddress(l, suffix.Text)] {
			rows = append(rows, addressRow{l, uint8(i), own || !aliased || !taken[publicAddress(l, suffix.Text)]})
		}
	}
	return rows
}

func endsAsService(local string) bool {
	return slices.ContainsFunc(gateway.Suffixes, func(s gateway.Suffix) bool { return s.Text != "" && strings.HasSuffix(local, s.Text) })
}

func addressColumn(row *addressRow, column string) (string, bool) {
	suffix := gateway.Suffixes[row.suffix]
	switch column {
	case "address":
		return string(routedAddress(row.list, suffix.Text)), true
	case "public":
		if !row.isPublic {
			return "", true
		}
		return string(publicAddress(row.list, suffix.Text)), true
	case "list":
		return string(row.list.Address), true
	case "service":
		return string(suffix.Service), true
	case "suffix":
		return suffix.Text, true
	case "detail":
		if suffix.Detail {
			return "1", true
		}
		return "0", true
	}
	return "", false
}

// isAliased says whether the MTA knows a list by another domain than people do.
func isAliased(l *gateway.List) bool { return routedDomain(l) != l.Address.Domain() }

// publicAddress is an address as people know it.
func publicAddress(l *gateway.List, suffix string) gateway.ForwardPath {
	if isAliased(l) {
		return l.ServiceAddress(suffix)
	}
	return routedAddress(l, suffix)
}

func routedAddress(l *gateway.List, suffix string) gateway.ForwardPath {
	return gateway.ForwardPath(l.Address.Local() + suffix + "@" + routedDomain(l))
}

func routeRows(forwards []ForwardDomain) gateway.Rows {
	sorted := slices.Clone(forwards)
	slices.SortFunc(sorted, func(a, b ForwardDomain) int {
		return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.To, b.To))
	})
	var rows gateway.Rows
	for _, f := range slices.Compact(sorted) {
		rows = append(rows, gateway.Row{"domain": f.Domain, "to": f.To})
	}
	return rows
}
