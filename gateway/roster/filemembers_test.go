package roster

import (
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

func TestFileMembers(t *testing.T) {
	m := newFileMembers([]gateway.Recipient{
		{Path: "Carl@example.com"}, {Path: "anne@example.com", Name: "Anne, the first"}, {Path: "ANNE@example.com", Name: "the second"}, {Path: "bärt@example.com"},
	})
	want := []fileMember{{"anne@example.com", "Anne, the first"}, {"bärt@example.com", ""}, {"Carl@example.com", ""}}
	if m.len() != len(want) {
		t.Fatalf("%d members", m.len())
	}
	for i, w := range want {
		if place, found := m.search(w.path.Key()); m.at(i) != w || place != i || !found {
			t.Errorf("%d: %v, found at %d, %v", i, m.at(i), place, found)
		}
	}
	for key, want := range map[string]int{"": 0, "anne@example.con": 1, "d": 3} {
		if place, found := m.search(key); place != want || found {
			t.Errorf("%q at %d, %v", key, place, found)
		}
	}
	if none := newFileMembers(nil); none.len() != 0 {
		t.Error("members of nobody")
	}
}
