package roster

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// Bounce is what is known about the bounces of a member. The score is in gateway.Member.
type Bounce struct {
	Count    uint64    // of all that were recorded
	Status   string    // enhanced status code of the last one
	Text     string    // its reply, untrusted
	Time     time.Time // of the last one
	Probed   time.Time // when a probe was sent that has not bounced, or zero
	Disabled bool      // by bounces, not by hand
	Warnings int       // how many were sent since then
	Warned   time.Time // when the last one was sent
}

// MemberRow is one address of a list as an operator sees it.
type MemberRow struct {
	gateway.Member
	Left   bool // it was removed, although the file still names it
	Bounce Bounce
}

// State is "enabled", "disabled" or "left".
func (m *MemberRow) State() string {
	switch {
	case m.Left:
		return "left"
	case m.Disabled:
		return "disabled"
	}
	return "enabled"
}

// member is what file and store together say about one address. The zero value is for an
// address that neither knows.
type member struct {
	row    MemberRow
	added  bool // the store made it a member
	inFile bool
}

func (m *member) isMember() bool { return !m.row.Left && (m.added || m.inFile) }

// isListed says whether operators get to see the address.
func (m *member) isListed() bool { return m.row.Left || m.isMember() }

// complete adds what the file says about a member, and what follows from both.
func (m *member) complete(l *listing, file *fileMember) {
	if file != nil {
		m.inFile = true
		if m.row.Path == "" {
			m.row.Path, m.row.Name = file.path, file.name
		}
	}
	switch {
	case l.list.Source != SourceFile:
		m.row.Source = SourceStore
	case m.added || m.row.Left:
		m.row.Source = SourceOverlay
	default:
		m.row.Source = SourceFile
	}
}

// memberVersion is the version of a member's record. Version 1 has only Count, Status,
// Text and Time of Bounce.
const memberVersion = 2

const textBytesMax = 480 // of a reply that is kept, as much as a log line shows

func encodeMember(m *member) []byte {
	w := store.NewWriter(memberVersion)
	w.String(string(m.row.Path))
	w.String(m.row.Name)
	w.Bool(m.added)
	w.Bool(m.row.Left)
	w.Bool(m.row.Disabled)
	w.Float(m.row.Score)
	bounced := m.row.Bounce.Count > 0
	w.Bool(bounced)
	if bounced {
		w.Uint(m.row.Bounce.Count)
		w.String(m.row.Bounce.Status)
		w.String(m.row.Bounce.Text[:min(len(m.row.Bounce.Text), textBytesMax)])
		w.Time(m.row.Bounce.Time)
		w.Time(m.row.Bounce.Probed)
		w.Bool(m.row.Bounce.Disabled)
		w.Uint(uint64(m.row.Bounce.Warnings))
		w.Time(m.row.Bounce.Warned)
	}
	return w.Record()
}

func decodeMember(record []byte) (*member, error) {
	r := store.NewReader(record, memberVersion)
	m := &member{}
	m.row.Path = gateway.ForwardPath(r.String())
	m.row.Name = r.String()
	m.added, m.row.Left, m.row.Disabled = r.Bool(), r.Bool(), r.Bool()
	m.row.Score = r.Float()
	if r.Bool() {
		m.row.Bounce = Bounce{Count: r.Uint(), Status: r.String(), Text: r.String(), Time: r.Time()}
		if r.Version() >= 2 {
			m.row.Bounce.Probed, m.row.Bounce.Disabled = r.Time(), r.Bool()
			m.row.Bounce.Warnings, m.row.Bounce.Warned = int(r.Uint()), r.Time()
		}
		if m.row.Bounce.Count == 0 && r.Err() == nil {
			return nil, store.ErrCorrupt
		}
	}
	return m, r.End()
}

// memberPrefix ends the ID with an octet that no ID has, so that the prefix of one list is
// not the beginning of another's.
func memberPrefix(id gateway.ListID) []byte { return store.RosterMembers.Key([]byte(id), []byte{0}) }

func memberKey(id gateway.ListID, key string) []byte { return append(memberPrefix(id), key...) }

// find returns what is known about the address of a key. If its record is damaged it counts
// as disabled: somebody who has left must not get mail.
func (r *Roster) find(l *listing, key string) (*member, error) {
	m := &member{}
	record, err := r.db.Get(memberKey(l.list.ID, key))
	switch {
	case err == nil:
		m = r.decode(l, []byte(key), record)
	case !errors.Is(err, store.ErrNotFound):
		return nil, fmt.Errorf("member of %s: %w", l.list.Address, err)
	}
	var file *fileMember
	if i, ok := l.members.search(key); ok {
		named := l.members.at(i)
		file = &named
	}
	m.complete(l, file)
	return m, nil
}

func (r *Roster) decode(l *listing, key, record []byte) *member {
	m, err := decodeMember(record)
	if err != nil {
		r.log.Error("ALARM roster: a member cannot be read, and gets no mail", "list", string(l.list.ID),
			"member", gateway.Printable(string(key)), "error", err)
		m = &member{added: true}
		m.row.Path, m.row.Disabled = gateway.ForwardPath(key), true
	}
	return m
}

// walk goes through all addresses that file or store know, in the order of their keys,
// starting after the cursor after.
func (r *Roster) walk(l *listing, after gateway.Cursor) iter.Seq2[*member, error] {
	return func(yield func(*member, error) bool) {
		next, found := l.members.search(string(after))
		if found {
			next++
		}
		fromFile := func(before []byte) bool { // yields members of the file up to a key; false: the caller has enough
			for ; next < l.members.len() && (before == nil || l.members.at(next).path.Key() < string(before)); next++ {
				m, named := &member{}, l.members.at(next)
				m.complete(l, &named)
				if !yield(m, nil) {
					return false
				}
			}
			return true
		}
		prefix := memberPrefix(l.list.ID)
		for item, err := range r.db.Prefix(prefix, memberKey(l.list.ID, string(after))) {
			if err != nil {
				yield(nil, fmt.Errorf("members of %s: %w", l.list.Address, err))
				return
			}
			key := item.Key[len(prefix):]
			if !fromFile(key) {
				return
			}
			m := r.decode(l, key, bytes.Clone(item.Value))
			var file *fileMember
			if next < l.members.len() && l.members.at(next).path.Key() == string(key) {
				named := l.members.at(next)
				file = &named
				next++
			}
			m.complete(l, file)
			if !yield(m, nil) {
				return
			}
		}
		fromFile(nil)
	}
}

// Members implements gateway.Roster, in the order of the keys and without suppressed
// addresses. The members of a list that is gone are known until this process ends, if the
// list was in the configuration.
func (r *Roster) Members(id gateway.ListID, after gateway.Cursor, limit int) ([]gateway.Recipient, gateway.Cursor, error) {
	l, err := r.listing(id)
	if err != nil {
		return nil, "", err
	}
	if l.unknown {
		return nil, "", fmt.Errorf("members of %s, which is gone: %w", l.list.Address, gateway.ErrUnknownList)
	}
	var members []gateway.Recipient
	suppressed := r.Suppressed(time.Now())
	for m, err := range r.walk(l, after) {
		if err != nil {
			return nil, "", err
		}
		if !m.isMember() || m.row.Disabled || suppressed(m.row.Path) {
			continue
		}
		if len(members) >= limit {
			return members, gateway.Cursor(members[len(members)-1].Path.Key()), nil
		}
		members = append(members, gateway.Recipient{Path: m.row.Path, Name: m.row.Name})
	}
	return members, "", nil
}

// MemberRows returns up to limit addresses of a list that are members or have left, page
// by page as Members does.
func (r *Roster) MemberRows(id gateway.ListID, after gateway.Cursor, limit int) ([]MemberRow, gateway.Cursor, error) {
	l, err := r.listing(id)
	if err != nil {
		return nil, "", err
	}
	var rows []MemberRow
	for m, err := range r.walk(l, after) {
		if err != nil {
			return nil, "", err
		}
		if !m.isListed() {
			continue
		}
		if len(rows) >= limit {
			return rows, gateway.Cursor(rows[len(rows)-1].Path.Key()), nil
		}
		rows = append(rows, m.row)
	}
	return rows, "", nil
}

// CountMembers counts the members of a list that are not disabled. It reads all of them.
func (r *Roster) CountMembers(id gateway.ListID) (n int, err error) {
	l, err := r.listing(id)
	if err != nil {
		return 0, err
	}
	for m, err := range r.walk(l, "") {
		if err != nil {
			return 0, err
		}
		if m.isMember() && !m.row.Disabled {
			n++
		}
	}
	return n, nil
}
