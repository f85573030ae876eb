package writertest

import (
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/sdktest"
)

// FileMode is what every built-in writer gives its files: the MTA reads them
// as a user of its own.
const FileMode = 0o644

// Native runs the cases of the folder testdata against render, which is the
// writer compiled into the test.
func Native(t *testing.T, render func(*sdk.Inventory) error) {
	for _, c := range Load(t, "testdata") {
		t.Run(c.Name, func(t *testing.T) {
			h := sdktest.Host{Tables: c.Tables()}
			err := h.MTAConfig(render)
			var files []gateway.File
			for path, file := range h.Files {
				if file.Mode != FileMode {
					t.Errorf("%s has mode %o", path, file.Mode)
				}
				files = append(files, gateway.File{Path: path, Mode: file.Mode, Data: []byte(file.Text)})
			}
			c.Check(t, files, err)
		})
	}
}
