package sdk

import "github.com/mmgw/mmgw/sdk/internal/abi"

// Field is the header field at an index. Inserting or deleting a field renumbers those
// after it at once.
type Field int32

// FieldCount is the number of header fields.
func (m *Message) FieldCount() int { return max(0, int(abi.HeaderCount())) }

// Fields goes through the header fields from the top. To delete some of them, count down
// from FieldCount instead.
func (m *Message) Fields(yield func(Field) bool) {
	for i := 0; i < m.FieldCount(); i++ {
		if !yield(Field(i)) {
			return
		}
	}
}

// Name is the field's name as it was written.
func (f Field) Name() string {
	name, _ := text(func(buf []byte) int32 { return abi.HeaderName(int32(f), buf) })
	return name
}

// Value is the field's value, unfolded, without the space around it.
func (f Field) Value() string {
	value, _ := text(func(buf []byte) int32 { return abi.HeaderValue(int32(f), buf) })
	return value
}

// Raw is the whole field as it is in the message.
func (f Field) Raw() string {
	raw, _ := text(func(buf []byte) int32 { return abi.HeaderRaw(int32(f), buf) })
	return raw
}

// Replace gives the field another value.
func (f Field) Replace(value string) error { return check(abi.HeaderReplace(int32(f), value)) }

// Delete deletes the field.
func (f Field) Delete() error { return check(abi.HeaderDelete(int32(f))) }

// Header returns the value of the first field of a name, unfolded, and whether there is
// one. The case of names does not matter.
func (m *Message) Header(name string) (string, bool) {
	return text(func(buf []byte) int32 { return abi.HeaderGet(name, 0, buf) })
}

// FindField returns the first field of a name from an index on, and whether
// there is one.
func (m *Message) FindField(name string, from Field) (Field, bool) {
	i := abi.HeaderFind(name, int32(from))
	return Field(i), i >= 0
}

// SetHeader makes value the only field of a name: it replaces the first one and deletes
// the others, or adds one at the end. Values must not have line ends; mmgw folds them.
func (m *Message) SetHeader(name, value string) error { return check(abi.HeaderSet(name, value)) }

// SetHeaderTemplate is SetHeader with placeholders that mmgw fills in for each copy:
// {member} {member.local} {member.domain} {member.name} {unsubscribe_url} {verp}. It is
// for outgoing handlers and plans.
func (m *Message) SetHeaderTemplate(name, value string) error {
	return check(abi.HeaderTemplate(name, value))
}

// InsertHeader inserts a new field before the one at an index.
func (m *Message) InsertHeader(at Field, name, value string) error {
	return check(abi.HeaderInsert(int32(at), name, value))
}

// AppendHeader adds a new field after the others.
func (m *Message) AppendHeader(name, value string) error {
	return check(abi.HeaderInsert(-1, name, value))
}

// RemoveHeader deletes all fields of a name.
func (m *Message) RemoveHeader(name string) error { return check(abi.HeaderRemove(name)) }
