package bounce_test

import (
	"os"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
)

// Each line of testdata/replies.txt is a class, and a reply that has it.
func TestReplies(t *testing.T) {
	text, err := os.ReadFile("testdata/replies.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		class, reply, ok := strings.Cut(strings.TrimSpace(line), " | ")
		if !ok {
			continue
		}
		n++
		if status, got := bounce.Classify(gateway.EnhancedCode{}, reply); string(got) != class {
			t.Errorf("%q: got %s %s, want %s", reply, status, got, class)
		}
	}
	if n < 60 {
		t.Errorf("%d replies alone were found", n)
	}
}
