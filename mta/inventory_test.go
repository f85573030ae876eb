package mta

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/mmgw/mmgw/gateway"
)

var testSite = Site{
	Hostname:      "mail.example.com",
	LMTPTarget:    "localhost:8024",
	VERPDelimiter: "+",
	SMTPHost:      "localhost",
	StateDir:      "/var/lib/mmgw",
	Dir:           "/var/lib/mmgw/mta",
	Configuration: map[string]any{"transport_file_type": "hash", "postmap_verbose": true, "nested": map[string]any{"a": 1}},
}

func newList(address, aliasDomain string) gateway.List {
	path := gateway.ForwardPath(address)
	return gateway.List{ID: gateway.NewListID(path), Address: path, AliasDomain: aliasDomain}
}

func TestInventory(t *testing.T) {
	lists := []gateway.List{
		newList("dev@lists.example.com", ""),
		newList("dev-join@lists.example.com", ""),
		newList("foo@virt.example.org", "x.alias"),
		newList("dev@lists.example.com", ""), // twice: once is enough
	}
	forwards := []ForwardDomain{{Domain: "mm3.example.com", To: "lmtp:127.0.0.1:8025"}}
	golden, err := txtar.ParseFile(filepath.Join("testdata", "inventory.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		rand.Shuffle(len(lists), func(i, j int) { lists[i], lists[j] = lists[j], lists[i] })
		inventory := Inventory(testSite, lists, forwards)
		for _, table := range golden.Files {
			if got := tableText(gateway.RowsOf(inventory[table.Name])); got != string(table.Data) {
				t.Errorf("table %s:\n%s", table.Name, unified("want", "got", table.Data, []byte(got)))
			}
		}
	}
}

// An address under a list's own domain is the list's that has the name, not the
// other one's service, whatever domains the MTA knows the two by.
func TestInventoryPublic(t *testing.T) {
	rows := gateway.RowsOf(Inventory(testSite, []gateway.List{
		newList("news@virt.example.org", "a.example.org"),
		newList("news-join@virt.example.org", "b.example.org"),
		newList("news-owner@virt.example.org", ""),
	}, nil)["addresses"])
	of := map[string]string{}
	for _, row := range rows {
		if public := row["public"]; public != "" {
			if other, twice := of[public]; twice {
				t.Errorf("%s is of %s and of %s", public, other, row["list"])
			}
			of[public] = row["list"]
		}
	}
	for _, name := range []string{"news", "news-join", "news-owner"} {
		if address := name + "@virt.example.org"; of[address] != address {
			t.Errorf("%s is of %q", address, of[address])
		}
	}
}

// Lists of one domain that the MTA knows by different ones stand in the same
// order in both tables, each domain's together: a writer that streams names a
// domain once.
func TestInventoryOrder(t *testing.T) {
	inventory := Inventory(testSite, []gateway.List{
		newList("a@virt.example.org", ""),
		newList("b@virt.example.org", "a.example.org"),
		newList("c@virt.example.org", ""),
		newList("d@virt.example.org", "a.example.org"),
	}, nil)
	var lists, postings []string
	for _, row := range gateway.RowsOf(inventory["lists"]) {
		lists = append(lists, row["address"])
	}
	for _, row := range gateway.RowsOf(inventory["addresses"]) {
		if row["suffix"] == "" {
			postings = append(postings, row["list"])
		}
	}
	want := []string{"b@virt.example.org", "d@virt.example.org", "a@virt.example.org", "c@virt.example.org"}
	if !slices.Equal(lists, want) || !slices.Equal(postings, want) {
		t.Errorf("lists are %q, their addresses those of %q, want %q", lists, postings, want)
	}
}

func tableText(rows []gateway.Row) string {
	var b strings.Builder
	for _, row := range rows {
		var cells []string
		for _, column := range slices.Sorted(maps.Keys(row)) {
			cells = append(cells, column+"="+row[column])
		}
		b.WriteString(strings.Join(cells, " ") + "\n")
	}
	return b.String()
}

func TestNumericTarget(t *testing.T) {
	for target, want := range map[string]string{
		"localhost:8024":     "127.0.0.1:8024",
		"LOCALHOST:24":       "127.0.0.1:24",
		"[::1]:8024":         "[::1]:8024",
		"mail.example.com:1": "mail.example.com:1",
		"":                   "",
	} {
		if got := numericTarget(target); got != want {
			t.Errorf("numericTarget(%q) = %q, want %q", target, got, want)
		}
	}
}

func manyLists(n int) []gateway.List {
	lists := make([]gateway.List, n)
	for i := range lists {
		lists[i] = newList(fmt.Sprintf("list-%05d@d%d.example.com", i, i%10), "")
	}
	return lists
}

func BenchmarkInventory(b *testing.B) {
	lists := manyLists(10_000)
	b.ReportAllocs()
	for b.Loop() {
		Inventory(testSite, lists, nil)
	}
}
