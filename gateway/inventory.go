package gateway

import (
	"context"
	"encoding/json"
)

// Inventory is what a writer of MTA configurations is told: tables of rows of
// named columns (sdk/ABI.md, Inventory). Rows are sorted, so that the same
// lists give the same bytes.
type Inventory map[string]Table

// Table is one table of an inventory. A large one computes what it is asked
// for: a million rows in memory would be more than the rest of the gateway.
type Table interface {
	Len() int
	Columns(row int) []string // their names
	Value(row int, column string) (value string, ok bool)
}

// MarshalJSON writes the tables as arrays of objects.
func (inv Inventory) MarshalJSON() ([]byte, error) {
	tables := make(map[string]Rows, len(inv))
	for name, t := range inv {
		tables[name] = RowsOf(t)
	}
	return json.Marshal(tables)
}

// Rows are a Table in memory.
type Rows []Row

// Row is one row of an inventory table, by column.
type Row map[string]string

// RowsOf are the rows of a table, nil for none.
func RowsOf(t Table) Rows {
	if rows, ok := t.(Rows); ok || t == nil {
		return rows
	}
	rows := make(Rows, t.Len())
	for i := range rows {
		rows[i] = Row{}
		for _, column := range t.Columns(i) {
			rows[i][column], _ = t.Value(i, column)
		}
	}
	return rows
}

// Len implements Table.
func (r Rows) Len() int { return len(r) }

// Columns implements Table.
func (r Rows) Columns(row int) []string {
	var names []string
	for name := range r[row] {
		names = append(names, name)
	}
	return names
}

// Value implements Table.
func (r Rows) Value(row int, column string) (string, bool) {
	value, ok := r[row][column]
	return value, ok
}

// File is one rendered file.
type File struct {
	Path string // relative, clean, slash-separated, without ".."
	Mode uint32 // permission bits
	Data []byte
}

// ConfigWriter renders the configuration of an MTA. The same inventory gives
// the same files.
type ConfigWriter interface {
	Render(ctx context.Context, inventory Inventory) ([]File, error)
}
