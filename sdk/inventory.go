package sdk

import (
	"unsafe"

	"github.com/mmgw/mmgw/sdk/internal/abi"
	"github.com/mmgw/mmgw/sdk/wire"
)

// Inventory is what a configuration writer reads and writes: tables of lists,
// addresses, domains and routes (sdk/ABI.md, Inventory), and the files that it
// renders. Rows come sorted, and the same inventory must give the same files.
type Inventory struct {
	buf []byte // of the file that is open
}

// Table names a table of the inventory: wire.TableLists and so on.
type Table string

// Table returns a table; one that does not exist has no rows.
func (inv *Inventory) Table(name string) Table { return Table(name) }

// Gateway is the one row that describes the gateway itself.
func (inv *Inventory) Gateway() Row { return Row{wire.TableGateway, 0} }

// Config returns a setting of [mta.configuration], "" where there is none.
func (inv *Inventory) Config(key string) string { return inv.Gateway().Get("config." + key) }

// Len is the number of rows.
func (t Table) Len() int { return max(0, int(abi.InvCount(string(t)))) }

// Row is one of the rows, counted from 0.
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

// scanBytes holds the columns of a row, as nearly all are.
const scanBytes = 1 << 10

// Scan goes through the rows and reads these columns of each, "" where there is
// none; mmgw is not asked for a column "". It is for tables of many rows:
// nothing is allocated for a row. The values are valid until the next one; who
// keeps them copies them.
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

// Get returns a column, "" where there is none.
func (r Row) Get(column string) string {
	value, _ := text(func(buf []byte) int32 {
		return abi.InvGet(string(r.table), int32(r.index), column, buf)
	})
	return value
}
