package roster

import (
	"errors"
	"fmt"
	"maps"

	"github.com/mmgw/mmgw/gateway"
)

// listing is a list and where its members are. It does not change.
type listing struct {
	list    *gateway.List
	members []fileMember // of the configuration, by key
	gone    bool         // it accepts no mail, but may have some queued
	unknown bool         // and it is not known any more who its members are
}

// directory finds lists.
type directory struct {
	byID      map[gateway.ListID]*listing
	byAddress map[string]*listing // by the keys of their addresses, aliases too; those that accept mail
}

func newDirectory() *directory {
	return &directory{byID: map[gateway.ListID]*listing{}, byAddress: map[string]*listing{}}
}

func (d *directory) clone() *directory {
	return &directory{byID: maps.Clone(d.byID), byAddress: maps.Clone(d.byAddress)}
}

func (d *directory) enter(l *listing) {
	d.byID[l.list.ID] = l
	if l.gone {
		return
	}
	for _, address := range addresses(l.list) {
		d.byAddress[address] = l
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

// retire has a listing that accepts mail be one that is gone.
func (d *directory) retire(l *listing) {
	for _, address := range addresses(l.list) {
		delete(d.byAddress, address)
	}
	gone := *l
	gone.gone, gone.unknown = true, l.list.Source != SourceFile
	d.byID[l.list.ID] = &gone
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

// conflict says why a list cannot stand beside those that accept mail, or nil.
func (d *directory) conflict(list *gateway.List) error {
	other := d.byID[list.ID]
	if other != nil && other.gone {
		other = nil
	}
	for _, address := range addresses(list) {
		if other == nil {
			other = d.byAddress[address]
		}
	}
	if other == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %s, made by the %s", list.Address, ErrListExists, other.list.Address, other.list.Source)
}
