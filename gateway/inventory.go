package gateway

import "context"

// Inventory is what a writer of MTA configurations is told: tables of rows of
// named columns (sdk/ABI.md, Inventory). Rows are sorted, so that the same
// lists give the same bytes.
type Inventory map[string][]Row

// Row is one row of an inventory table, by column.
type Row map[string]string

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
