package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestFileProblemsMax has more problems than are told.
func TestFileProblemsMax(t *testing.T) {
	const beyond = 7
	var text strings.Builder
	for i := range FileProblemsMax + beyond {
		fmt.Fprintf(&text, "wrong%d = 1\n", i)
	}
	_, err := Parse("mmgw.toml", []byte(text.String()), testOptions(nil))
	problems, _ := err.(Problems)
	if len(problems) != FileProblemsMax+1 {
		t.Fatalf("%d problems are told, want %d and one that counts the rest", len(problems), FileProblemsMax)
	}
	if last := problems[FileProblemsMax].Text; last != fmt.Sprintf("and %d more problems", beyond) {
		t.Errorf("the last one is %q", last)
	}
}
