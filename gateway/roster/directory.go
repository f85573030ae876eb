package roster

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// listing is a list with its members of the configuration. It does not change.
type listing struct {
	list    *gateway.List
	members fileMembers // of the configuration, by key
	gone    bool        // it accepts no mail, but may have some queued
	unknown bool        // it is gone, and so are its members
}

// directory finds lists.
type directory struct {
	byID      map[gateway.ListID]*listing
	byAddress map[string]*listing     // by the keys of their addresses, aliases too; those that accept mail
	domains   map[domain]int          // how many lists accept mail for a domain
	unread    map[gateway.ListID]bool // whose records are damaged
}

func newDirectory() *directory {
	return &directory{
		byID: map[gateway.ListID]*listing{}, byAddress: map[string]*listing{},
		domains: map[domain]int{}, unread: map[gateway.ListID]bool{},
	}
}

func (d *directory) clone() *directory {
	return &directory{
		byID: maps.Clone(d.byID), byAddress: maps.Clone(d.byAddress),
		domains: maps.Clone(d.domains), unread: maps.Clone(d.unread),
	}
}

func (d *directory) enter(l *listing) {
	d.byID[l.list.ID] = l
	if l.gone {
		return
	}
	for _, address := range addresses(l.list) {
		d.byAddress[address] = l
	}
	for _, domain := range domains(l.list) {
		d.domains[domain]++
	}
}

// enterAll enters listings. The error names every one that conflicts with another.
func (d *directory) enterAll(listings []*listing) error {
	var problems []error
	for _, l := range listings {
		if err := d.conflict(l.list); err != nil {
			problems = append(problems, err)
			continue
		}
		d.enter(l)
	}
	return errors.Join(problems...)
}

// replace replaces the listing of a list, whose addresses stay the same.
func (d *directory) replace(l *listing) {
	d.byID[l.list.ID] = l
	for _, address := range addresses(l.list) {
		d.byAddress[address] = l
	}
}

// retire replaces a listing that accepts mail by one that is gone.
func (d *directory) retire(l *listing) {
	for _, address := range addresses(l.list) {
		delete(d.byAddress, address)
	}
	for _, domain := range domains(l.list) {
		if d.domains[domain]--; d.domains[domain] == 0 {
			delete(d.domains, domain)
		}
	}
	gone := *l
	gone.gone, gone.unknown = true, l.list.Source != SourceFile
	d.byID[l.list.ID] = &gone
}

// enterUnread enters a list of which only the ID is known. Its domain is taken to be what
// follows the first dot, which is wrong if its name has a dot.
func (d *directory) enterUnread(id gateway.ListID) {
	d.unread[id] = true
	_, name, _ := strings.Cut(string(id), ".")
	d.domains[domain{name, KindList}]++
}

// domain is a domain of a list, and its kind for the MTA.
type domain struct{ name, kind string }

// domains are the domain by which the MTA knows a list, and its public one if that is
// another.
func domains(l *gateway.List) []domain {
	public, alias := strings.ToLower(l.Address.Domain()), strings.ToLower(l.AliasDomain)
	if alias == "" || alias == public {
		return []domain{{public, KindList}}
	}
	return []domain{{alias, KindList}, {public, KindPublic}}
}

// addresses are the keys of a list's posting addresses.
func addresses(l *gateway.List) []string {
	all := []string{l.Address.Key()}
	if l.AliasDomain != "" && l.AliasDomain != l.Address.Domain() {
		all = append(all, gateway.ForwardPath(l.Address.Local()+"@"+l.AliasDomain).Key())
	}
	return all
}

// ErrListExists says that there is a list with the same address or the same ID, which
// lists such as a.b@c and a@b.c have.
var ErrListExists = errors.New("such a list exists")

// Conflict returns a function that says whether a list of the file conflicts with others,
// all of which accept mail: its error is nil or an ErrListExists.
func Conflict(others []gateway.List) func(*gateway.List) error {
	d := newDirectory()
	for i := range others {
		d.enter(&listing{list: &others[i]})
	}
	return d.conflict
}

// conflict says why a list conflicts with one that accepts mail, and what to do about it;
// nil if it does not.
func (d *directory) conflict(list *gateway.List) error {
	if other := d.byID[list.ID]; other != nil && !other.gone {
		return existsAs(list, other.list)
	}
	for _, address := range addresses(list) {
		if other := d.byAddress[address]; other != nil {
			return existsAs(list, other.list)
		}
	}
	return nil
}

// Overlap is a list whose address is a service address of another list, as dev-join@ is of
// dev@. The name of a list counts first, so what people send there is posted.
type Overlap struct {
	List, Of gateway.List
	Suffix   string // of the service
}

// String says what the list does to the other.
func (o Overlap) String() string {
	return fmt.Sprintf("%s takes what comes to the %s address of %s", string(o.List.Address), o.Suffix, string(o.Of.Address))
}

// Overlaps finds the overlaps among all lists of a site.
func Overlaps(lists []gateway.List) (all []Overlap) {
	d := newDirectory()
	for i := range lists {
		d.enter(&listing{list: &lists[i]})
	}
	for i := range lists {
		if o, ok := d.overlap(&lists[i]); ok {
			all = append(all, o)
		}
	}
	return all
}

// overlap finds the list whose service address a list has.
func (d *directory) overlap(list *gateway.List) (o Overlap, ok bool) {
	for _, address := range addresses(list) {
		local, domain, _ := strings.Cut(address, "@")
		name, suffix := gateway.CutService(local)
		if of := d.byAddress[name+"@"+domain]; of != nil && suffix != "" {
			return Overlap{*list, *of.list, suffix}, true
		}
	}
	return Overlap{}, false
}

// OverlapsOf are the overlaps of one list with others. It looks up their names, and does
// not read all lists.
func (r *Roster) OverlapsOf(list *gateway.List) (all []Overlap) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if o, ok := r.lists.overlap(list); ok {
		all = append(all, o)
	}
	for _, address := range addresses(list) {
		local, domain, _ := strings.Cut(address, "@")
		for _, suffix := range gateway.Suffixes {
			if other := r.lists.byAddress[local+suffix.Text+"@"+domain]; other != nil && suffix.Text != "" {
				all = append(all, Overlap{*other.list, *list, suffix.Text})
			}
		}
	}
	return all
}

// existsAs is the ErrListExists of a list that conflicts with another.
func existsAs(list, other *gateway.List) error {
	made, remedy := "made by `mmgw list create`", "choose another name"
	if other.Source == SourceFile {
		made = fmt.Sprintf("in line %d of the configuration", other.Line)
	} else if list.Source == SourceFile {
		remedy = "remove it from the configuration, or the other one with `mmgw list delete " + string(other.Address) + "`"
	}
	return fmt.Errorf("%s: %w: %s, %s; %s", list.Address, ErrListExists, other.Address, made, remedy)
}
