package sdk

import (
	"unsafe"

	"github.com/mmgw/mmgw/sdk/internal/abi"
	"github.com/mmgw/mmgw/sdk/wire"
)

// Inventory is what a configuration writer reads and writes: tables of lists, addresses,
// domains and routes (sdk/ABI.md, Inventory), and the files that it renders. Rows are
// sorted. The same inventory must give the same files.
type Inventory struct {
	buf []byte // of the open file
}

// Table names a table of the inventory: wire.TableLists and so on.
type Table string

// Table returns a table. One that does not exist has no rows.
func (inv *Inventory) Table(name string) Table { return Table(name) }

// Gateway is the one row that describes the gateway itself.
func (inv *Inventory) Gateway() Row { return Row{wire.TableGateway, 0} }

// Config returns a setting of [mta.configuration], "" if there is none.
func (inv *Inventory) Config(key string) string { return inv.Gateway().Get("config." + key) }

// Len is the number of rows.
func (t Table) Len() int { return max(0, int(abi.InvCount(string(t)))) }

// Row returns row i, counted from 0.
func (t Table) Row(i int) Row { return Row{t, i} }

// Rows goes through the rows.
func (t Table) Rows(yield func(Row) bool) {
	n := t.Len()
	for i := 0; i < n; i++ {
		if !yield(Row{t, i}) {
			return
		}
	}
}

// scanBytes is enough for the columns of nearly all rows.
const scanBytes = 1 << 10

// Scan goes through the rows and reads some columns of each, "" for one that a row does
// not have. A column "" is skipped. It is for tables with many rows: it allocates nothing
// for a row. The values are valid until the next row; copy those that you keep.
func (t Table) Scan(columns ...string) func(yield func(values []string) bool) {
	return func(yield func([]string) bool) {
		buf, values := make([]byte, scanBytes), make([]string, len(columns))
		n := t.Len()
		for i := 0; i < n; i++ {
			free := buf
			for c, column := range columns {
				if column == "" {
					continue
				}
				size := max(0, int(abi.InvGet(string(t), int32(i), column, free)))
				if size > len(free) {
					buf = make([]byte, 2*len(buf)+size)
					free = buf
					size = max(0, int(abi.InvGet(string(t), int32(i), column, free)))
				}
				values[c] = unsafe.String(unsafe.SliceData(free), size)
				free = free[size:]
			}
			if !yield(values) {
				return
			}
		}
	}
}

// Row is one row of a table.
type Row struct {
	table Table
	index int
}

// Get returns a column, "" if there is none.
func (r Row) Get(column string) string {
	value, _ := text(func(buf []byte) int32 {
		return abi.InvGet(string(r.table), int32(r.index), column, buf)
	})
	return value
}
