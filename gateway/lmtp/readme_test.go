package lmtp

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The tests that README.md names are where it says.
func TestReadmeNamesTests(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\[((?:Test|Fuzz|Benchmark)\w+)\]\(([^)]+)\)`).FindAllStringSubmatch(string(text), -1)
	if len(named) < 10 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, test := range named {
		code, err := os.ReadFile(test[2])
		if err != nil {
			t.Error(err)
		}
		if !strings.Contains(string(code), "\nfunc "+test[1]+"(") {
			t.Errorf("%s has no %s", test[2], test[1])
		}
	}
}
