package roster

import (
	"errors"
	"fmt"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// ErrUnknownMember says that an address is not a member of a list.
var ErrUnknownMember = errors.New("no such member")

// MembersPerCommitMax is how many members AddMembers makes durable at once. A caller with
// more of them can show its progress in between.
const MembersPerCommitMax = 10_000

// AddMember adds one member, as AddMembers does. A member that was disabled by bounces
// gets posts again: its address works, since it asks to join.
func (r *Roster) AddMember(id gateway.ListID, recipient gateway.Recipient) (added bool, err error) {
	row, err := r.Member(id, recipient.Path)
	if err == nil && row.Bounce.Disabled {
		return false, r.EnableMember(id, recipient.Path)
	}
	n, err := r.AddMembers(id, []gateway.Recipient{recipient})
	return n == 1, err
}

// AddMembers adds recipients, by their Path and Name, and returns how many of them were
// not members yet. One that had left becomes a member again, with a clean record; one
// that is a member stays as it is. It commits MembersPerCommitMax at a time: after an
// error those committed before it are members.
func (r *Roster) AddMembers(id gateway.ListID, recipients []gateway.Recipient) (added int, err error) {
	r.changes.Lock()
	defer r.changes.Unlock()
	l, err := r.open(id)
	if err != nil {
		return 0, err
	}
	for len(recipients) > 0 {
		n := min(len(recipients), MembersPerCommitMax)
		fresh, err := r.addSome(l, recipients[:n])
		if err != nil {
			return added, fmt.Errorf("add members to %s: %w", l.list.Address, err)
		}
		added += fresh
		recipients = recipients[n:]
	}
	return added, nil
}

func (r *Roster) addSome(l *listing, recipients []gateway.Recipient) (added int, err error) {
	var b store.Batch
	seen := make(map[string]bool, len(recipients))
	for _, recipient := range recipients {
		key := recipient.Path.Key()
		if seen[key] {
			continue
		}
		seen[key] = true
		m, err := r.find(l, key)
		if err != nil {
			return 0, err
		}
		if m.isMember() {
			continue
		}
		m = &member{added: true}
		m.row.Path, m.row.Name = recipient.Path, recipient.Name
		b.Set(memberKey(l.list.ID, key), encodeMember(m))
		added++
	}
	return added, r.db.Commit(&b)
}

// open returns a list that accepts mail.
func (r *Roster) open(id gateway.ListID) (*listing, error) {
	l, err := r.listing(id)
	if err == nil && l.gone {
		err = fmt.Errorf("%s: %w", l.list.Address, gateway.ErrUnknownList)
	}
	return l, err
}

// RemoveMember ends a membership. If the configuration still names the address, the store
// remembers that it has left.
func (r *Roster) RemoveMember(id gateway.ListID, path gateway.ForwardPath) error {
	return r.change(id, path, func(m *member) {
		m.added, m.row.Left = false, m.inFile
		m.row.Disabled, m.row.Score, m.row.Bounce = false, 0, Bounce{}
	})
}

// ResetMember forgets what the store has about an address, so that the configuration
// counts again. A member of a list of the store remains one, with a clean record.
func (r *Roster) ResetMember(id gateway.ListID, path gateway.ForwardPath) error {
	defer r.lockMember(id, path)()
	l, err := r.open(id)
	if err != nil {
		return err
	}
	m, err := r.find(l, path.Key())
	if err != nil {
		return err
	}
	if !m.isListed() {
		return fmt.Errorf("%s: %w of %s", gateway.Printable(string(path)), ErrUnknownMember, l.list.Address)
	}
	m.row.Left, m.row.Disabled, m.row.Score, m.row.Bounce = false, false, 0, Bounce{}
	m.added = m.added && l.list.Source == SourceStore
	return r.put(l, m)
}

// DisableMember ends the delivery of posts to a member, by hand. It remains a member, and
// its earlier bounces no longer count: neither reminders nor a removal follow.
func (r *Roster) DisableMember(id gateway.ListID, path gateway.ForwardPath) error {
	return r.change(id, path, func(m *member) {
		m.row.Disabled, m.row.Score, m.row.Bounce = true, 0, Bounce{}
	})
}

// EnableMember resumes the delivery of posts to a member, with a clean record.
func (r *Roster) EnableMember(id gateway.ListID, path gateway.ForwardPath) error {
	return r.change(id, path, func(m *member) {
		m.row.Disabled, m.row.Score, m.row.Bounce = false, 0, Bounce{}
	})
}

// ChangeBounces calls change to record a bounce of a member, or what follows from earlier
// ones: it may change Disabled, Score and Bounce. The error is ErrUnknownMember if the
// member has left.
func (r *Roster) ChangeBounces(id gateway.ListID, path gateway.ForwardPath, change func(*MemberRow)) error {
	return r.change(id, path, func(m *member) { change(&m.row) })
}

// Member returns the row of a member, or ErrUnknownMember.
func (r *Roster) Member(id gateway.ListID, path gateway.ForwardPath) (MemberRow, error) {
	return r.row(id, path, (*member).isMember)
}

// Listed is Member, but also returns the row of an address that has left.
func (r *Roster) Listed(id gateway.ListID, path gateway.ForwardPath) (MemberRow, error) {
	return r.row(id, path, (*member).isListed)
}

func (r *Roster) row(id gateway.ListID, path gateway.ForwardPath, wanted func(*member) bool) (MemberRow, error) {
	l, err := r.listing(id)
	if err != nil {
		return MemberRow{}, err
	}
	m, err := r.find(l, path.Key())
	if err != nil {
		return MemberRow{}, err
	}
	if !wanted(m) {
		return MemberRow{}, fmt.Errorf("%s: %w of %s", gateway.Printable(string(path)), ErrUnknownMember, l.list.Address)
	}
	return m.row, nil
}

// memberOfList names a member of a list by its key.
type memberOfList struct {
	list gateway.ListID
	key  string
}

// lockMember keeps others from changing a member, or any list, until unlock. Other members
// can be changed at the same time, so that a hundred thousand bounces share their syncs.
func (r *Roster) lockMember(id gateway.ListID, path gateway.ForwardPath) (unlock func()) {
	r.changes.RLock()
	free := r.changing.Lock(memberOfList{id, path.Key()})
	return func() {
		free()
		r.changes.RUnlock()
	}
}

// change changes a member, also of a list that is gone, whose mail may still bounce.
func (r *Roster) change(id gateway.ListID, path gateway.ForwardPath, f func(*member)) error {
	defer r.lockMember(id, path)()
	l, err := r.listing(id)
	if err != nil {
		return err
	}
	m, err := r.find(l, path.Key())
	if err != nil {
		return err
	}
	if !m.isMember() {
		return fmt.Errorf("%s: %w of %s", gateway.Printable(string(path)), ErrUnknownMember, l.list.Address)
	}
	f(m)
	return r.put(l, m)
}

// put writes the record of a member, or deletes it if there is nothing to remember.
func (r *Roster) put(l *listing, m *member) error {
	var b store.Batch
	key := memberKey(l.list.ID, m.row.Path.Key())
	m.index(&b, l.list.ID)
	empty := !m.added && !m.row.Left && !m.row.Disabled && m.row.Score == 0 && m.row.Bounce.Count == 0
	if empty {
		b.Delete(key)
	} else {
		b.Set(key, encodeMember(m))
	}
	if err := r.db.Commit(&b); err != nil {
		return fmt.Errorf("member of %s: %w", l.list.Address, err)
	}
	return nil
}
