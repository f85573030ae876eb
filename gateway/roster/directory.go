package roster

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// listing is a list and where its members are. It does not change.
type listing struct {
	list    *gateway.List
	members fileMembers // of the configuration, by key
	gone    bool        // it accepts no mail, but may have some queued
	unknown bool        // and it is not known any more who its members are
}

// directory finds lists.
type directory struct {
	byID      map[gateway.ListID]*listing
	byAddress map[string]*listing     // by the keys of their addresses, aliases too; those that accept mail
	domains   map[domain]int          // of lists that accept mail: how many
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

// enterAll enters listings, and names every one that cannot be.
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

// replace has another listing stand for a list of the same addresses.
func (d *directory) replace(l *listing) {
	d.byID[l.list.ID] = l
	for _, address := range addresses(l.list) {
		d.byAddress[address] = l
	}
}

// retire has a listing that accepts mail be one that is gone.
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

// enterUnread enters a list of which no more than its id is known: its domain is
// what follows the first dot, unless its name has one.
func (d *directory) enterUnread(id gateway.ListID) {
	d.unread[id] = true
	_, name, _ := strings.Cut(string(id), ".")
	d.domains[domain{name, KindList}]++
}

// domain is one of a list, and what it is for the MTA.
type domain struct{ name, kind string }

// domains are the one by which the MTA knows a list, and its public one where
// that is another.
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

// ErrListExists says that there is a list of that address or that id: the
// lists a.b@c and a@b.c have the same.
var ErrListExists = errors.New("such a list exists")

// Beside returns what says why a list of the file cannot stand beside other
// lists, all of which accept mail. Its error is nil where it can.
func Beside(others []gateway.List) func(*gateway.List) error {
	d := newDirectory()
	for i := range others {
		d.enter(&listing{list: &others[i]})
	}
	return d.conflict
}

// conflict says why a list cannot stand beside those that accept mail, and the
// way out, or nil.
func (d *directory) conflict(list *gateway.List) error {
	if other := d.byID[list.ID]; other != nil && !other.gone {
		return inTheWay(list, other.list)
	}
	for _, address := range addresses(list) {
		if other := d.byAddress[address]; other != nil {
			return inTheWay(list, other.list)
		}
	}
	return nil
}

// Overlap is a list whose name is a service address of another one, as dev-join@
// is of dev@: its posts are what people write there, for a name counts first.
type Overlap struct {
	List, Of gateway.List
	Suffix   string // of the service
}

// String says what the list does to the other.
func (o Overlap) String() string {
	return fmt.Sprintf("%s takes what comes to the %s address of %s", string(o.List.Address), o.Suffix, string(o.Of.Address))
}

// Overlaps finds them among all lists of a site.
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

// overlap says of which list another one takes mail.
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

// OverlapsOf are those that a list has with others. It asks for their names, and
// does not look through all lists.
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

// inTheWay is the error of a list that another one stands in the way of.
func inTheWay(list, other *gateway.List) error {
	made, remedy := "made by `mmgw list create`", "choose another name"
	if other.Source == SourceFile {
		made = fmt.Sprintf("in line %d of the configuration", other.Line)
	} else if list.Source == SourceFile {
		remedy = "remove it from the configuration, or the other one with `mmgw list delete " + string(other.Address) + "`"
	}
	return fmt.Errorf("%s: %w: %s, %s; %s", list.Address, ErrListExists, other.Address, made, remedy)
}
