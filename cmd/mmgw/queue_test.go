package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/server"
)

// A selection has no end at what one answer holds: what is held behind a hundred
// thousand messages that are not is found, each message once.
func TestSelectedIDs(t *testing.T) {
	var rows []server.QueueRow
	for i := range 5*selectionRows + 7 {
		rows = append(rows, server.QueueRow{ID: gateway.QueueID(i/2 + 1).String(), Leg: i % 2, Service: "post", State: "queued"})
	}
	rows[2].Service, rows[3].Service = "", "" // cannot be read
	last := len(rows) - 1
	rows[last].State, rows[selectionRows].State = "held", "held"
	calls := 0
	call := func(_ string, args, result any) error {
		calls++
		sel := args.(server.QueueSelection)
		from, _ := slices.BinarySearchFunc(rows, sel.From, func(r server.QueueRow, id string) int {
			if r.ID < id {
				return -1
			}
			return 1
		})
		result.(*server.QueueRows).Rows = rows[from:min(from+sel.Limit, len(rows))]
		return nil
	}
	all, err := selectedIDs(call, server.QueueSelection{}, false)
	if err != nil || len(all) != len(rows)/2 || slices.Contains(all, rows[2].ID) || calls > 7 {
		t.Errorf("%d messages in %d calls: %v", len(all), calls, err)
	}
	held, err := selectedIDs(call, server.QueueSelection{}, true)
	if err != nil || !slices.Equal(held, []string{rows[selectionRows].ID, rows[last].ID}) {
		t.Errorf("held: %q, %v", held, err)
	}
}

// What a message does to a terminal is left out, and nothing else.
func TestHarmless(t *testing.T) {
	var b strings.Builder
	if n, err := (harmless{&b}).Write([]byte("Subject: a\tb\r\n\x1b[2Jü\x07\x00\u202e\xff\r\n")); n != 28 || err != nil {
		t.Error(n, err)
	}
	if got := b.String(); got != "Subject: a\tb\n?[2Jü????\n" {
		t.Errorf("%q", got)
	}
}
