package sandbox

import (
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// headerState is the header as the call has left it so far.
type headerState struct {
	draft *gateway.Draft // the exchange's own until the first edit, then copy; nil: this phase has no header
	copy  gateway.Draft
	size  int // octets of the fields of copy
	found int // 1 + index of the field that was looked up last; 0: none, or an edit may have moved it
	edits []gateway.Edit
}

// fields returns the header, and charges for a search through it.
func (c *call) fields() (gateway.Header, bool) {
	if c.header.draft == nil {
		return nil, false
	}
	header := c.header.draft.Header
	c.spend(unitsPerField * int64(len(header)))
	return header, true
}

// find is Header.Find from the start. It remembers the last field that it found:
// modules read a field and then write it.
func (c *call) find(name string) int {
	header := c.header.draft.Header
	if i := c.header.found - 1; i >= 0 && header[i].Is(name) {
		return i
	}
	i := header.Find(name, 0)
	c.header.found = i + 1
	return i
}

// field returns field i.
func (c *call) field(i uint64) (gateway.Field, int64) {
	switch d := c.header.draft; {
	case d == nil:
		return "", wire.WrongPhase
	case uint32(i) >= uint32(len(d.Header)):
		return "", wire.NotFound
	default:
		return d.Header[uint32(i)], 0
	}
}

// header_count() -> number
func (c *call) headerCount([]uint64) int64 {
	if c.header.draft == nil {
		return wire.WrongPhase
	}
	return int64(len(c.header.draft.Header))
}

// header_name(i, buf, cap) -> length
func (c *call) headerName(a []uint64) int64 {
	f, result := c.field(a[0])
	if result < 0 {
		return result
	}
	return c.reply(f.Name(), a[1], a[2])
}

// header_value(i, buf, cap) -> length; unfolded
func (c *call) headerValue(a []uint64) int64 {
	f, result := c.field(a[0])
	if result < 0 {
		return result
	}
	c.spend(int64(len(f)) / octetsPerUnit)
	return c.reply(f.Value(), a[1], a[2])
}

// header_raw(i, buf, cap) -> length; as it stands in the message, with its folds
func (c *call) headerRaw(a []uint64) int64 {
	f, result := c.field(a[0])
	if result < 0 {
		return result
	}
	return c.reply(string(f), a[1], a[2])
}

// header_find(name, nlen, from) -> index
func (c *call) headerFind(a []uint64) int64 {
	header, ok := c.fields()
	if !ok {
		return wire.WrongPhase
	}
	return int64(header.Find(c.word(a[0], a[1]), int(int32(a[2])))) // -1 is wire.NotFound
}

// header_get(name, nlen, nth, buf, cap) -> length; unfolded, nth counts from 0
func (c *call) headerGet(a []uint64) int64 {
	header, ok := c.fields()
	if !ok {
		return wire.WrongPhase
	}
	name := c.word(a[0], a[1])
	i := c.find(name)
	for nth := int32(a[2]); i >= 0 && nth > 0; nth-- {
		i = header.Find(name, i+1)
	}
	if i < 0 || int32(a[2]) < 0 {
		return wire.NotFound
	}
	c.spend(int64(len(header[i])) / octetsPerUnit)
	return c.reply(header[i].Value(), a[3], a[4])
}

// header_insert(i, name, nlen, val, vlen) -> 0; i = -1 appends
func (c *call) headerInsert(a []uint64) int64 {
	i := int(int32(a[0]))
	if c.header.draft != nil && i == -1 {
		i = len(c.header.draft.Header)
	}
	return c.edit(gateway.Edit{Op: gateway.InsertField, Index: i, Name: c.text(a[1], a[2]), Value: c.word(a[3], a[4])})
}

// header_replace(i, val, vlen) -> 0
func (c *call) headerReplace(a []uint64) int64 {
	return c.edit(gateway.Edit{Op: gateway.ReplaceField, Index: int(int32(a[0])), Value: c.word(a[1], a[2])})
}

// header_delete(i) -> 0
func (c *call) headerDelete(a []uint64) int64 {
	return c.edit(gateway.Edit{Op: gateway.DeleteField, Index: int(int32(a[0]))})
}

// header_set(name, nlen, val, vlen) -> 0
func (c *call) headerSet(a []uint64) int64 {
	return c.setField(gateway.Edit{Name: c.word(a[0], a[1]), Value: c.word(a[2], a[3])})
}

// header_template(name, nlen, val, vlen) -> 0
func (c *call) headerTemplate(a []uint64) int64 {
	return c.setField(gateway.Edit{Name: c.word(a[0], a[1]), Value: c.word(a[2], a[3]), Template: true})
}

// setField replaces the first field of a name and drops the others, or adds one if
// there is none. Name and value may be words.
func (c *call) setField(e gateway.Edit) int64 {
	header, ok := c.fields()
	if !ok {
		return wire.WrongPhase
	}
	first, more := c.find(e.Name), 0
	if first < 0 {
		e.Op, e.Index, e.Name = gateway.InsertField, len(header), strings.Clone(e.Name)
		return c.edit(e)
	}
	if more = header[first+1:].Count(e.Name); len(c.header.edits)+1+more > EditsMax {
		return wire.Limit
	}
	e.Op, e.Index = gateway.ReplaceField, first
	if result := c.edit(e); result < 0 || more == 0 {
		return result
	}
	c.removeFields(e.Name, first+1)
	return 0
}

// header_remove(name, nlen) -> how many there were
func (c *call) headerRemove(a []uint64) int64 {
	header, ok := c.fields()
	if !ok {
		return wire.WrongPhase
	}
	name := c.word(a[0], a[1])
	if len(c.header.edits)+header.Count(name) > EditsMax {
		return wire.Limit
	}
	return c.removeFields(name, 0)
}

// removeFields drops the fields of a name from an index on, and returns how many.
// The caller has checked that enough edits are left.
func (c *call) removeFields(name string, from int) (removed int64) {
	d := &c.header.draft
	for i := (*d).Header.Find(name, from); i >= 0; i = (*d).Header.Find(name, i) {
		c.edit(gateway.Edit{Op: gateway.DeleteField, Index: i})
		removed++
	}
	return removed
}

// edit applies one edit of the header, whose value may be a word, and remembers it
// for the verdict. It changes nothing unless it returns 0.
func (c *call) edit(e gateway.Edit) int64 {
	s := &c.header
	if s.draft == nil {
		return wire.WrongPhase
	}
	header := s.draft.Header
	insert := e.Op == gateway.InsertField
	switch {
	case e.Index < 0, e.Index > len(header), e.Index == len(header) && !insert:
		return wire.BadArgument
	case len(s.edits) >= EditsMax, len(e.Value) > HeaderValueBytesMax, insert && len(header) >= gateway.HeaderFieldsMax:
		return wire.Limit
	}
	if !insert {
		e.Name = header[e.Index].Name()
	}
	if s.draft != &s.copy {
		s.take(c.instance)
		header = s.draft.Header
	}
	c.spend(unitsPerField*int64(len(header)-e.Index) + int64(len(e.Value)))
	if e.Op != gateway.DeleteField && !s.fits(e) {
		return wire.Limit
	}
	old := 0
	if !insert {
		old = len(header[e.Index])
	}
	if s.draft.Apply(e) != nil {
		return wire.BadArgument
	}
	if e.Op != gateway.ReplaceField {
		s.found = 0
	}
	s.size -= old
	if e.Op != gateway.DeleteField {
		field := s.draft.Header[e.Index]
		s.size += len(field)
		e.Value = kept(e, field)
	}
	s.edits = append(s.edits, e)
	return 0
}

// kept is the value of an edit, good for longer than a word. It shares the memory
// of the field that the edit made, unless folding has changed that.
func kept(e gateway.Edit, field gateway.Field) string {
	if value := string(field[len(e.Name)+len(": "):]); strings.HasPrefix(value, e.Value) {
		return value[:len(e.Value)]
	}
	return strings.Clone(e.Value)
}

// leave gives the capacity of the copy back to the instance, with nothing of the
// message in it.
func (s *headerState) leave(i *instance) {
	if s.draft == &s.copy {
		clear(s.copy.Header)
		i.fields = s.copy.Header[:0]
	}
}

// fits says whether there is room for the field of an edit. An edit that makes no
// valid field fits: it is refused for that.
func (s *headerState) fits(e gateway.Edit) bool {
	const foldedAtMost = 4 // times its length: a line break and a space for every octet
	if s.size+foldedAtMost*(len(e.Name)+len(e.Value)+len(": \r\n")) <= gateway.HeaderBytesMax {
		return true
	}
	field, err := gateway.NewField(e.Name, e.Value)
	return err != nil || s.size+len(field) <= gateway.HeaderBytesMax
}

// take copies the header before its first edit, into the capacity that the
// instance keeps for that.
func (s *headerState) take(i *instance) {
	s.copy = *s.draft
	s.copy.Header = append(i.fields[:0], s.draft.Header...)
	s.draft = &s.copy
	for _, f := range s.draft.Header {
		s.size += len(f)
	}
}
