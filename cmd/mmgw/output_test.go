package main

import (
	"bytes"
	"encoding/json"
	"testing"
)

type row struct {
	A string `json:"a"`
}

// Rows come out page by page, and together they are what all at once would be.
func TestRows(t *testing.T) {
	for name, pages := range map[string][][]row{
		"none":          {{}},
		"one page":      {{{"x"}, {"<y>"}}},
		"pages":         {{{"x"}}, {{"y"}, {"z"}}, {{"w"}}},
		"an empty page": {{}, {{"x"}}, {}, {{"y"}}},
	} {
		all := []row{}
		var text, array bytes.Buffer
		asText := rows[row]{w: &text, head: "A", cells: func(r *row) []string { return []string{r.A} }}
		asJSON := rows[row]{w: &array, json: true}
		want := "A\n"
		for _, page := range pages {
			for _, r := range page {
				all, want = append(all, r), want+r.A+"\n"
			}
			if asText.show(page) != nil || asJSON.show(page) != nil || text.String() != want {
				t.Errorf("%s: so far %q, not %q", name, text.String(), want)
			}
		}
		if asText.end() != nil || asJSON.end() != nil || text.String() != want {
			t.Errorf("%s: %q, not %q", name, text.String(), want)
		}
		var got []row
		if err := json.Unmarshal(array.Bytes(), &got); err != nil || len(got) != len(all) || !bytes.HasSuffix(array.Bytes(), []byte("]\n")) {
			t.Errorf("%s: %q, %v", name, array.String(), err)
		}
		for i := range got {
			if got[i] != all[i] {
				t.Errorf("%s: %v, not %v", name, got, all)
			}
		}
	}
}
