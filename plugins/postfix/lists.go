package main

import (
	"github.com/mmgw/mmgw/sdk/wire"
	"github.com/mmgw/mmgw/sdk/writer"
)

// list is the addresses of one list.
type list struct {
	home    string // its domain
	domain  string // the domain by which Postfix knows it
	entries []entry
}

type entry struct {
	address string // under list.domain
	public  string // the same under list.home, "" where it is another list's
	detail  bool   // may go on with the delimiter and a detail
}

// width is the length of the longest address under a domain.
func (l list) width(domain string) int {
	longest := 0
	for _, e := range l.entries {
		longest = max(longest, len(e.address)-len(l.domain)+len(domain))
	}
	return longest
}

// lists calls f for each list, whose addresses stand together in the table. A
// list is valid during its call: few of 100,000 fit into a module's memory.
func (r *renderer) lists(f func(list)) error {
	var l list
	name := ""
	for row := range r.inv.Table(wire.TableAddresses).Rows {
		address := row.Get("address")
		if err := writer.Check(address); err != nil {
			return err
		}
		if of := row.Get("list"); of != name {
			if len(l.entries) > 0 {
				f(l)
			}
			name = of
			_, l.home = writer.Split(of)
			_, l.domain = writer.Split(address)
			l.entries = l.entries[:0]
		}
		l.entries = append(l.entries, entry{address, row.Get("public"), row.Get("detail") == "1"})
	}
	if len(l.entries) > 0 {
		f(l)
	}
	return nil
}
