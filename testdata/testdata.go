// Package testdata holds messages that the demo and the tests of several
// packages send.
package testdata

import (
	"bytes"
	"embed"
	"io/fs"
)

//go:embed messages/*.eml
var messages embed.FS

// Message returns the content of messages/name.eml with CRLF line ends.
func Message(name string) ([]byte, error) {
	content, err := messages.ReadFile("messages/" + name + ".eml")
	if err != nil {
		return nil, err
	}
	content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n")), nil
}

// Names are the names that Message knows, sorted.
func Names() []string {
	files, err := fs.Glob(messages, "messages/*.eml")
	if err != nil {
		return nil
	}
	for i, file := range files {
		files[i] = file[len("messages/") : len(file)-len(".eml")]
	}
	return files
}
