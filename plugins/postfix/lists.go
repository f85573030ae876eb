package main

import (
	"github.com/mmgw/mmgw/sdk/wire"
	"github.com/mmgw/mmgw/sdk/writer"
)

// list is the addresses of one list.
type list struct {
	local   string // of its posting address
	domain  string // by which Postfix knows it
	home    string // its own domain, "" where nobody asked
	entries []entry
}

// entry is the address local + suffix.
type entry struct {
	suffix string
	public bool // it is this list's under home too, and somebody asked
	detail bool // may go on with the delimiter and a detail, where a format says so
}

// width is the length of the longest address under a domain.
func (l list) width(domain string) int {
	longest := 0
	for _, e := range l.entries {
		longest = max(longest, len(e.suffix))
	}
	return len(l.local) + longest + len("@") + len(domain)
}

// lists calls f for each list, with what is public if that is asked for. The
// addresses of a list stand together in the table, its posting address first;
// the others are that and one of mmgw's own suffixes, so that one look at a
// name serves for all nine. A list is valid during its call: few of 100,000 fit
// into a module's memory, and collecting the garbage of so many rows would take
// longer than all the rest.
func (r *renderer) lists(public bool, f func(list)) error {
	var l list
	var texts writer.Texts
	columns := []string{"suffix", "", ""}
	if r.format.isRegexp() { // others say nothing of details
		columns[1] = "detail"
	}
	if public {
		columns[2] = "public"
	}
	table, i := r.inv.Table(wire.TableAddresses), 0
	for row := range table.Scan(columns...) {
		if row[0] == "" {
			if len(l.entries) > 0 {
				f(l)
			}
			address := table.Row(i).Get("address")
			if err := writer.Check(address); err != nil {
				return err
			}
			texts.Reset()
			l.local, l.domain = writer.Split(address)
			_, l.home = writer.Split(texts.Keep(row[2]))
			l.entries = l.entries[:0]
		}
		l.entries = append(l.entries, entry{texts.Keep(row[0]), row[2] != "", row[1] == "1"})
		i++
	}
	if len(l.entries) > 0 {
		f(l)
	}
	return nil
}
