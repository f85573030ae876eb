package bounce_test

import (
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
)

// Any message gives a finding whose parts are fit for a log and for a reply.
func FuzzInspect(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.eml")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(nested(60) + "Content-Type: message/delivery-status\n\nFinal-Recipient: a@b\n"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=\"\\\n\n--\n--\r--"))
	f.Fuzz(func(t *testing.T, text []byte) {
		finding, err := bounce.Inspect(gateway.Bytes(text))
		if err != nil {
			t.Fatal(err)
		}
		if len(finding.Recipients) > bounce.RecipientsMax {
			t.Fatalf("%d recipients", len(finding.Recipients))
		}
		for _, one := range finding.Recipients {
			for _, path := range []gateway.ForwardPath{one.Address, one.Original} {
				if _, err := gateway.ParseForwardPath(string(path)); path != "" && err != nil {
					t.Fatalf("address %q: %v", path, err)
				}
			}
			if one.Diagnostic != gateway.Printable(one.Diagnostic) || !utf8.ValidString(one.Diagnostic) {
				t.Fatalf("diagnostic %q", one.Diagnostic)
			}
			if one.Class == "" || finding.Bounce != (one.Action != "") {
				t.Fatalf("%+v", finding)
			}
		}
	})
}
