package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParse holds that any file gives either problems or a configuration whose
// text means the same.
func FuzzParse(f *testing.F) {
	seed, err := os.ReadFile("testdata/full.toml")
	if err != nil {
		f.Fatal(err)
	}
	example, _ := Example("postfix")
	f.Add(string(seed))
	f.Add(example)
	files, _ := filepath.Glob("testdata/broken/*.txtar")
	for _, file := range files {
		if archive, err := txtar.ParseFile(file); err == nil {
			f.Add(string(archive.Files[0].Data))
		}
	}
	opts := testOptions(map[string]string{"m": "anne@example.com\nx\n"})
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("mmgw.toml", []byte(text), opts)
		if err != nil {
			if p, ok := err.(Problems); !ok || len(p) == 0 {
				t.Fatalf("%T %v", err, err)
			}
			if strings.ContainsAny(strings.ReplaceAll(err.Error(), "\n", ""), "\r\x00\x1b") {
				t.Fatalf("control characters in %q", err)
			}
			return
		}
		once := c.Text()
		again, err := Parse("mmgw.toml", []byte(once), opts)
		if err != nil {
			t.Fatalf("%v\nin:\n%s", err, once)
		}
		if twice := again.Text(); twice != once {
			t.Fatalf("once:\n%stwice:\n%s", once, twice)
		}
	})
}

// FuzzMember holds that a member that was read is written so that it reads the
// same.
func FuzzMember(f *testing.F) {
	for _, s := range []string{"anne@example.com", "Anne <anne@example.com>", `"A \"x\"" <"a b"@example.com>`, "<a@b>", "a <b> <c@d>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMember(s)
		if err != nil {
			return
		}
		if again, err := ParseMember(FormatMember(m)); err != nil || again != m {
			t.Fatalf("%q gave %+v, then %+v, %v", s, m, again, err)
		}
	})
}
