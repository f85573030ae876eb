package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

func TestReadMembers(t *testing.T) {
	text := "\ufeffanne@example.com\r\n" +
		"\t# a comment\r\n" +
		"Bart <bart@example.com> # another\r\n" +
		strings.Repeat("x", 3*memberLineBytesMax) + "\r\n" +
		"a#b@example.com\r\n" +
		"Cate\x1b[2J <cate@example.com>\r\n" +
		"dora@\r\n" +
		"J\xfcrgen <juergen@example.com>\r\n" +
		"emil@example.com" // no line end
	var wrong []string
	got, err := ReadMembers(strings.NewReader(text), func(line int, text string) {
		wrong = append(wrong, fmt.Sprintf("%d: %s", line, text))
	})
	want := []gateway.Recipient{
		{Path: "anne@example.com"},
		{Path: "bart@example.com", Name: "Bart"},
		{Path: "a#b@example.com"},
		{Path: "cate@example.com", Name: "Cate?[2J"},
		{Path: "emil@example.com"},
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %v", got, err)
	}
	if len(wrong) != 3 || !strings.HasPrefix(wrong[0], "4: ") || !strings.HasPrefix(wrong[1], "7: ") || !strings.HasSuffix(wrong[2], "not in UTF-8") {
		t.Errorf("%q", wrong)
	}
}

// What is written of a member is read as that member.
func TestFormatMember(t *testing.T) {
	for _, m := range []gateway.Recipient{
		{Path: "anne@example.com"},
		{Path: "anne@example.com", Name: "Anne, of Ghent"},
		{Path: "anne@example.com", Name: "Anne # 1"},
		{Path: "anne@example.com", Name: "#1 Anne"},
		{Path: "#anne@example.com"},
		{Path: `"anne #1"@example.com`},
		{Path: `"anne #1"@example.com`, Name: "Anne #1"},
	} {
		line := FormatMember(m) + " # a comment\n"
		got, err := ReadMembers(strings.NewReader(line), func(_ int, text string) { t.Error(text) })
		if err != nil || len(got) != 1 || got[0] != m {
			t.Errorf("%q: %+v, want %+v", line, got, m)
		}
	}
}
