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
	public  string // the same under list.home, "" where it is another list's, or nobody asked
	detail  bool   // may go on with the delimiter and a detail, where a format says so
}

// width is the length of the longest address under a domain.
func (l list) width(domain string) int {
	longest := 0
	for _, e := range l.entries {
		longest = max(longest, len(e.address)-len(l.domain)+len(domain))
	}
	return longest
}

// lists calls f for each list, with its public addresses if these are
// asked for. The addresses of a list stand together in the table. It is valid
// during its call: few of 100,000 fit into a module's memory, and
// collecting the garbage of so many rows would take longer than all the rest.
func (r *renderer) lists(public bool, f func(list)) error {
	var l list
	var texts writer.Texts
	name, columns := "", []string{"list", "address", "", ""}
	if r.format.isRegexp() { // others say nothing of details
		columns[2] = "detail"
	}
	if public {
		columns[3] = "public"
	}
	for row := range r.inv.Table(wire.TableAddresses).Scan(columns...) {
		of, address := row[0], row[1]
		if err := writer.Check(address); err != nil {
			return err
		}
		if of != name {
			if len(l.entries) > 0 {
				f(l)
			}
			texts.Reset()
			l.entries = l.entries[:0]
			name = texts.Keep(of)
			_, l.home = writer.Split(name)
		}
		e := entry{texts.Keep(address), texts.Keep(row[3]), row[2] == "1"}
		_, l.domain = writer.Split(e.address)
		l.entries = append(l.entries, e)
	}
	if len(l.entries) > 0 {
		f(l)
	}
	return nil
}
