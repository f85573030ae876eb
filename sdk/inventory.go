package sdk

import (
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

// Rows goes through the rows.
func (t Table) Rows(yield func(Row) bool) {
	n := t.Len()
	for i := 0; i < n; i++ {
		if !yield(Row{t, i}) {
			return
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
