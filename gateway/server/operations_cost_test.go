package server

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// What is done to one list or one member costs the same on a site of 500 lists as
// on one of 2,000: octets are counted, for time tells little.
func TestOperationsCostNoListBesideTheirOwn(t *testing.T) {
	few, many := costs(t, 500), costs(t, 2000)
	for name, n := range many {
		if n > 2*few[name]+16<<10 {
			t.Errorf("%s: %d octets allocated among 2,000 lists, %d among 500", name, n, few[name])
		}
	}
}

// costs are the octets that operations allocate on a site of n lists.
func costs(t *testing.T, n int) map[string]uint64 {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "[[list]]\naddress = \"list%d@lists.example.com\"\n", i)
	}
	s := openedState(t, text.String())
	octets := map[string]uint64{}
	measure := func(name string, args func(i int) any) {
		for i := range 5 { // the least of some: the database works beside us
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := s.Operations().Call(t.Context(), name, args(i), nil); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if spent := after.TotalAlloc - before.TotalAlloc; i == 0 || spent < octets[name] {
				octets[name] = spent
			}
		}
	}
	measure("list.create", func(i int) any { return NewList{Address: fmt.Sprintf("new%d@lists.example.com", i)} })
	measure("list.show", func(int) any { return ListName{List: "LIST7@lists.example.com"} })
	measure("member.add", func(i int) any {
		return MemberChange{List: "list7.lists.example.com", Members: []string{fmt.Sprintf("m%d@example.com", i)}}
	})
	measure("list.delete", func(i int) any { return ListName{List: fmt.Sprintf("new%d@lists.example.com", i)} })
	return octets
}

// The MTA is told of the names of lists. What handlers read of a list may be long, and
// 20,000 of it would not fit into what a command takes.
func TestInventoryIsSmall(t *testing.T) {
	text := "[[list]]\naddress = \"dev@lists.example.com\"\nalias_domain = \"mx.example.com\"\nconfig = { footer = \"" +
		strings.Repeat("a long text ", 1000) + "\" }\n"
	s := openedState(t, text)
	var told ListInventory
	var octets json.RawMessage
	if err := s.Operations().Call(t.Context(), "list.inventory", Nothing{}, &octets); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(octets, &told); err != nil || len(octets) > 1000 {
		t.Errorf("%d octets, %v", len(octets), err)
	}
	if l := told.Lists[0]; l.Address != "dev@lists.example.com" || l.AliasDomain != "mx.example.com" || l.Source != "file" || l.Line != 2 {
		t.Errorf("the list: %+v", l)
	}
}
