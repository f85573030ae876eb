package roster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// The sources of a list and of a member.
const (
	SourceFile    = "file"
	SourceStore   = "store"
	SourceOverlay = "overlay" // of a member of a list of the file: the store adds to or overrides the file
)

// FileList is a list of the configuration with its members, in any order.
type FileList struct {
	List    gateway.List
	Members []gateway.Recipient // Path and Name are read
}

// SetFileLists replaces the lists of the configuration, all at once. A list that is gone
// accepts no more mail. What it has queued is still delivered: until this process ends
// also what is not expanded to its members yet. If a list conflicts with another the error
// is ErrListExists, and nothing changes.
func (r *Roster) SetFileLists(lists []FileList) error {
	listings := make([]*listing, len(lists))
	for i := range lists {
		list := lists[i].List
		list.Source = SourceFile
		listings[i] = &listing{list: &list, members: newFileMembers(lists[i].Members)}
	}
	r.changes.Lock()
	defer r.changes.Unlock()
	next := r.lists.clone() // r.lists is changed only with r.changes locked
	for _, l := range next.byID {
		if l.list.Source == SourceFile && !l.gone {
			next.retire(l)
		}
	}
	if err := next.enterAll(listings); err != nil {
		return err
	}
	if err := r.remember(listings); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists = next
	return nil
}

// remember keeps the lists of the configuration in the store, as lists that are gone, for
// the mail that they may have queued when they are.
func (r *Roster) remember(listings []*listing) error {
	var b store.Batch
	for _, l := range listings {
		record, err := encodeList(l.list, true)
		if err != nil {
			return err
		}
		key := listKey(l.list.ID)
		if old, err := r.db.Get(key); err == nil && bytes.Equal(old, record) {
			continue
		}
		b.Set(key, record)
	}
	if err := r.db.Commit(&b); err != nil {
		return fmt.Errorf("remember the lists of the configuration: %w", err)
	}
	return nil
}

// ErrListName says that no list can have such an address.
var ErrListName = errors.New("no list can have this address")

// CreateList makes a list in the store, and sets its ID and Source. The error wraps
// ErrListName or ErrListExists if the list cannot be made.
func (r *Roster) CreateList(list gateway.List) error {
	if err := r.checkName(list.Address); err != nil {
		return err
	}
	list.ID, list.Source, list.Line = gateway.NewListID(list.Address), SourceStore, 0
	record, err := encodeList(&list, false)
	if err != nil {
		return err
	}
	r.changes.Lock()
	defer r.changes.Unlock()
	if err := r.lists.conflict(&list); err != nil {
		return err
	}
	var b store.Batch
	b.DeletePrefix(bouncePrefix(list.ID))
	b.DeletePrefix(disabledPrefix(list.ID))
	b.DeletePrefix(memberPrefix(list.ID)) // an overlay of a list that is gone says nothing of this one
	b.Set(listKey(list.ID), record)
	if err := r.db.Commit(&b); err != nil {
		return fmt.Errorf("create %s: %w", list.Address, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists.enter(&listing{list: &list})
	return nil
}

// checkName refuses addresses that could not be reached, or that a shell, a file system or
// a table of an MTA would misread.
func (r *Roster) checkName(address gateway.ForwardPath) error {
	normal, err := gateway.ParseForwardPath(string(address))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrListName, err)
	}
	if normal != address {
		return fmt.Errorf("%s: %w: write it as %s", gateway.Printable(string(address)), ErrListName, normal)
	}
	if err := gateway.CheckListAddress(address); err != nil {
		return fmt.Errorf("%s: %w: %w", address, ErrListName, err)
	}
	if r.delimiter != nameDelimiter && strings.Contains(address.Local(), r.delimiter) {
		return fmt.Errorf("%s: %w: its name has the delimiter %q of [verp]", address, ErrListName, r.delimiter)
	}
	return nil
}

// ErrFileList says that a list is in the configuration, and can only be changed there.
var ErrFileList = errors.New("the list is in the configuration file")

// ChangeList changes the settings of a list of the store, except for its addresses. The
// error is ErrFileList for a list of the configuration.
func (r *Roster) ChangeList(list gateway.List) error {
	r.changes.Lock()
	defer r.changes.Unlock()
	l, err := r.storeListing(list.ID)
	if err != nil {
		return err
	}
	list.Address, list.AliasDomain, list.Source, list.Line = l.list.Address, l.list.AliasDomain, SourceStore, 0
	record, err := encodeList(&list, false)
	if err != nil {
		return err
	}
	var b store.Batch
	b.Set(listKey(list.ID), record)
	if err := r.db.Commit(&b); err != nil {
		return fmt.Errorf("change %s: %w", list.Address, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	changed := *l
	changed.list = &list
	r.lists.replace(&changed)
	return nil
}

// storeListing finds a list of the store that accepts mail. The caller holds r.changes.
func (r *Roster) storeListing(id gateway.ListID) (*listing, error) {
	l := r.lists.byID[id]
	switch {
	case l == nil || l.gone:
		return nil, fmt.Errorf("%s: %w", gateway.Printable(string(id)), gateway.ErrUnknownList)
	case l.list.Source == SourceFile:
		return nil, fmt.Errorf("%s: %w, line %d", l.list.Address, ErrFileList, l.list.Line)
	}
	return l, nil
}

// DeleteList removes a list of the store with its members. What it has expanded already is
// still delivered. The error is ErrFileList for a list of the configuration.
func (r *Roster) DeleteList(id gateway.ListID) error {
	r.changes.Lock()
	defer r.changes.Unlock()
	l, err := r.storeListing(id)
	if err != nil {
		return err
	}
	record, err := encodeList(l.list, true)
	if err != nil {
		return err
	}
	var b store.Batch
	b.Set(listKey(id), record)
	b.DeletePrefix(memberPrefix(id))
	b.DeletePrefix(bouncePrefix(id))
	b.DeletePrefix(disabledPrefix(id))
	b.DeletePrefix(tokenPrefix(id))
	if err := r.db.Commit(&b); err != nil {
		return fmt.Errorf("delete %s: %w", l.list.Address, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists.retire(l)
	return nil
}

// Lists are the lists that accept mail, sorted by ID.
func (r *Roster) Lists() iter.Seq[*gateway.List] {
	return func(yield func(*gateway.List) bool) {
		r.mu.RLock()
		ids := slices.Sorted(maps.Keys(r.lists.byID))
		r.mu.RUnlock()
		for _, id := range ids {
			if l, err := r.listing(id); err == nil && !l.gone && !yield(l.list) {
				return
			}
		}
	}
}

// recordVersion is the version of the roster's records, except for those of members.
const recordVersion = 1

func listKey(id gateway.ListID) []byte { return store.RosterLists.Key([]byte(id)) }

// encodeList writes a list. It leaves out the Config of a list of the configuration.
func encodeList(list *gateway.List, gone bool) ([]byte, error) {
	kept := *list
	if kept.Source == SourceFile {
		kept.Config = nil
	}
	text, err := json.Marshal(&kept)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", list.Address, err)
	}
	w := store.NewWriter(recordVersion)
	w.Bool(gone)
	w.Bytes(text)
	return w.Record(), nil
}

func decodeList(record []byte) (list *gateway.List, gone bool, err error) {
	r := store.NewReader(record, recordVersion)
	gone = r.Bool()
	text := r.Bytes()
	if err := r.End(); err != nil {
		return nil, false, err
	}
	list = &gateway.List{}
	if err := json.Unmarshal(text, list); err != nil {
		return nil, false, fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	return list, gone, nil
}
