package main

import (
	"strings"
	"testing"
)

// A bar is drawn on terminals alone, and grows to its end.
func TestProgress(t *testing.T) {
	var out strings.Builder
	p := progress{w: &out, what: "import", total: 2000}
	p.at(1000)
	p.end()
	if out.Len() > 0 {
		t.Errorf("no terminal, and %q", out.String())
	}
	for done, want := range map[int]string{
		0:    "import [..............................] 0/2000",
		1000: "import [###############...............] 1000/2000",
		1999: "import [#############################.] 1999/2000",
		2000: "import [##############################] 2000/2000",
		2001: "import [##############################] 2001/2000",
	} {
		if got := p.bar(done); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
