package gateway

import (
	"fmt"
	"slices"
)

// EditOp says what an Edit does.
type EditOp uint8

// The edits that a handler can make. They are stored with the message: the
// numbers stay as they are.
const (
	InsertField  EditOp = 1 // a new field in front of field Index; at the end where Index is the number of fields
	ReplaceField EditOp = 2 // field Index keeps its name and gets Value
	DeleteField  EditOp = 3 // field Index goes, later ones move up
	ReplaceBody  EditOp = 4 // Body becomes the whole body
)

func (op EditOp) String() string {
	switch op {
	case InsertField:
		return "insert"
	case ReplaceField:
		return "replace"
	case DeleteField:
		return "delete"
	case ReplaceBody:
		return "body"
	}
	return fmt.Sprintf("EditOp(%d)", uint8(op))
}

// Edit is one change of a message. Edits apply in their order, each to what
// the ones before it left, so that an index means the same on every replay.
type Edit struct {
	Op       EditOp
	Index    int
	Name     string // of InsertField, and for readers of ReplaceField and DeleteField
	Value    string // unfolded
	Body     []byte // with CRLF line ends
	Template bool   // Value has placeholders, to be filled in for each copy (see Copy.Fill)
}

// String is the edit in a line for people; texts in it are made printable.
func (e Edit) String() string {
	switch e.Op {
	case DeleteField:
		return fmt.Sprintf("delete %s", Printable(e.Name))
	case ReplaceBody:
		return fmt.Sprintf("body %d octets", len(e.Body))
	}
	return fmt.Sprintf("%s %s: %s", e.Op, Printable(e.Name), Printable(e.Value))
}

// apply changes header as e says and returns it.
func (e Edit) apply(header Header) (Header, error) {
	last := len(header) - 1
	if e.Op == InsertField {
		last++
	}
	if e.Index < 0 || e.Index > last {
		return header, fmt.Errorf("edit %s: there is no field %d of %d", e, e.Index, len(header))
	}
	if e.Op == DeleteField {
		return slices.Delete(header, e.Index, e.Index+1), nil
	}
	name := e.Name
	if e.Op == ReplaceField {
		name = header[e.Index].Name()
	}
	field, err := NewField(name, e.Value)
	if err != nil {
		return header, err
	}
	if e.Op == InsertField {
		return slices.Insert(header, e.Index, field), nil
	}
	header[e.Index] = field
	return header, nil
}
