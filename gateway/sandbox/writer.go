package sandbox

import (
	"io/fs"
	"slices"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// writerState is what a writer of MTA configurations has made so far.
type writerState struct {
	inventory gateway.Inventory
	json      string // the inventory encoded, once the module has asked for it
	files     []gateway.File
	paths     map[string]bool
	file      gateway.File // in progress
	open      bool
	size      int // of all files
}

// inv_count(table, tlen) -> rows; 0 for an unknown table
func (c *call) invCount(a []uint64) int64 {
	if table := c.writer.inventory[string(c.view(a[0], a[1]))]; table != nil {
		return int64(table.Len())
	}
	return 0
}

// inv_get(table, tlen, row, column, clen, buf, cap) -> length
func (c *call) invGet(a []uint64) int64 {
	table, row := c.writer.inventory[string(c.view(a[0], a[1]))], int32(a[2])
	if table == nil || row < 0 || int(row) >= table.Len() {
		return wire.NotFound
	}
	text, ok := table.Value(int(row), string(c.view(a[3], a[4])))
	return c.replyIf(text, ok, a[5], a[6])
}

// file_begin(path, plen, mode) -> 0
func (c *call) fileBegin(a []uint64) int64 {
	w, path, mode := &c.writer, c.text(a[0], a[1]), uint32(a[2])
	switch {
	case w.open, mode&^0o777 != 0, !isFilePath(path), w.paths[path]:
		return wire.BadArgument
	case len(w.files) >= FilesMax:
		return wire.Limit
	}
	if w.paths == nil {
		w.paths = map[string]bool{}
	}
	w.paths[path] = true
	w.file, w.open = gateway.File{Path: path, Mode: mode}, true
	return 0
}

// isFilePath says whether a path is relative, clean and printable, and so names a
// file inside the writer's directory.
func isFilePath(path string) bool {
	return fs.ValidPath(path) && path != "." && len(path) <= FilePathBytesMax && path == gateway.Printable(path)
}

// file_write(ptr, len) -> octets taken, which is all
func (c *call) fileWrite(a []uint64) int64 {
	w, text := &c.writer, c.view(a[0], a[1])
	switch {
	case !w.open:
		return wire.BadArgument
	case w.size+len(text) > FilesBytesMax:
		return wire.Limit
	}
	w.size += len(text)
	if data := w.file.Data; cap(data)-len(data) < len(text) { // append's own growth copies a large file five times
		w.file.Data = slices.Grow(data, max(len(data), len(text)))
	}
	w.file.Data = append(w.file.Data, text...)
	return int64(len(text))
}

// file_end() -> 0
func (c *call) fileEnd([]uint64) int64 {
	w := &c.writer
	if !w.open {
		return wire.BadArgument
	}
	w.files, w.open = append(w.files, w.file), false
	return 0
}
