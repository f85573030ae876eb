package sdktest

import (
	"io/fs"

	"github.com/mmgw/mmgw/sdk/wire"
)

func (c *call) InvCount(table string) int32 {
	if c.phase != phaseWriter {
		return wire.WrongPhase
	}
	return int32(len(c.host.Tables[table]))
}

func (c *call) InvGet(table string, row int32, column string, buf []byte) int32 {
	rows := c.host.Tables[table]
	if row < 0 || int(row) >= len(rows) {
		return wire.NotFound
	}
	value, ok := rows[row][column]
	if !ok {
		return wire.NotFound
	}
	return put(buf, value)
}

func (c *call) FileBegin(path string, mode int32) int32 {
	_, twice := c.files[path]
	switch {
	case c.phase != phaseWriter:
		return wire.WrongPhase
	case !fs.ValidPath(path), path == ".", twice, c.path != "", mode&^0o777 != 0:
		return wire.BadArgument
	}
	c.path, c.fileMode, c.fileText = path, uint32(mode), nil
	return 0
}

func (c *call) FileWrite(data []byte) int32 {
	if c.path == "" {
		return wire.BadArgument
	}
	c.fileText = append(c.fileText, data...)
	return int32(len(data))
}

func (c *call) FileEnd() int32 {
	if c.path == "" {
		return wire.BadArgument
	}
	c.files[c.path] = File{c.fileMode, string(c.fileText)}
	c.path = ""
	return 0
}
