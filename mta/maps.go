package mta

import (
	"path"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// ending is what postmap adds to the name of a table of type fileType, "" for
// the types of Postfix that need no postmap.
func ending(fileType string) string {
	switch fileType {
	case "hash", "btree":
		return ".db"
	case "lmdb", "cdb":
		return "." + fileType
	}
	return ""
}

// tableEndings are all that ending can be.
var tableEndings = [...]string{".db", ".lmdb", ".cdb"}

// Maps are the paths of those files that postmap is to compile where
// [mta.configuration] transport_file_type is fileType: the ones named
// postfix_NAME without a further ending, and none where Postfix reads the
// type as text (texthash, regexp) or asks a server (socketmap).
func Maps(files []gateway.File, fileType string) []string {
	if ending(fileType) == "" {
		return nil
	}
	var maps []string
	for _, f := range files {
		if name := path.Base(f.Path); strings.HasPrefix(name, "postfix_") && path.Ext(name) == "" {
			maps = append(maps, f.Path)
		}
	}
	return maps
}

// Compiled is what postmap makes of the file at p, "" where it makes nothing.
func Compiled(p, fileType string) string {
	if end := ending(fileType); end != "" {
		return p + end
	}
	return ""
}
