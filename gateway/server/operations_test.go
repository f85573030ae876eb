package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/config"
)

// atRest is a gateway that does not run, with the list announce and one member.
func atRest(t *testing.T) *Server {
	t.Helper()
	return openedState(t, "[[list]]\naddress = \"announce@lists.example.com\"\nmembers = [\"anne@example.com\"]\n")
}

// openedState is a gateway that does not run, with a state of its own and lists.
func openedState(t *testing.T, lists string) *Server {
	t.Helper()
	cfg, err := config.Parse(filepath.Join(t.TempDir(), "mmgw.toml"), []byte("state_dir = \"state\"\n"+lists), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenState(cfg, Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// receive puts a post into the spool.
func receive(t *testing.T, s *Server) *gateway.Message {
	t.Helper()
	id, w, err := s.spool.Begin(time.Now(), false)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, "Subject: hello\r\n\r\nhi\r\n")
	content, err := w.Content()
	if err != nil {
		t.Fatal(err)
	}
	m := &gateway.Message{
		ID: id, Received: time.Now(), Content: content,
		Envelope: gateway.Envelope{ReversePath: "anne@example.com", Recipients: []gateway.Recipient{{Path: "announce@lists.example.com"}}},
		Legs:     []gateway.Leg{{Service: gateway.Post, List: "announce.lists.example.com", Recipients: []gateway.RecipientID{0}, Details: []string{""}}},
	}
	if _, err := s.spool.Accept(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return m
}

// accept puts a post into the spool, and one batch of it that was tried once.
func accept(t *testing.T, s *Server, due time.Time) gateway.QueueID {
	t.Helper()
	m := receive(t, s)
	state := m.Legs[0]
	state.Stage, state.Batches = gateway.StageExpanded, 1
	deferred := gateway.Outcome{Status: &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 7, 1}, Text: "greylisted"}}
	batch := &gateway.Batch{
		Message: m.ID, Attempt: 1, Due: due, Expires: due.Add(time.Hour),
		Deliveries: []gateway.Delivery{{Recipients: []gateway.Recipient{{Path: "anne@example.com"}}, Outcomes: []gateway.Outcome{deferred}}},
	}
	if err := s.spool.Commit(t.Context(), gateway.Transition{Message: m.ID, State: &state, Batches: []*gateway.Batch{batch}}); err != nil {
		t.Fatal(err)
	}
	return m.ID
}

func call[R any](t *testing.T, s *Server, name string, args any) R {
	t.Helper()
	var result R
	if err := s.Operations().Call(t.Context(), name, args, &result); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return result
}

func TestQueueOperationsAtRest(t *testing.T) {
	s := atRest(t)
	due := time.Now().Add(time.Hour).UTC()
	id := accept(t, s, due).String()
	ids := QueueIDs{IDs: []string{id}}

	rows := call[QueueRows](t, s, "queue.ls", QueueSelection{List: "Announce@Lists.Example.com", Domain: "LISTS.example.com"})
	if rows.Total != 1 || rows.Rows[0].ID != id || rows.Rows[0].State != "queued" || rows.Rows[0].LastReply != "451 4.7.1 greylisted" {
		t.Fatalf("rows: %+v", rows)
	}
	for _, other := range []QueueSelection{{Domain: "example.com"}, {IDs: []string{"0000000000"}}} {
		if rows := call[QueueRows](t, s, "queue.ls", other); rows.Total != 0 {
			t.Errorf("%+v selects %+v", other, rows)
		}
	}
	m := call[QueueMessage](t, s, "queue.show", QueueID{ID: id})
	if m.Subject != "hello" || m.Legs[0].Pending != 1 || m.Legs[0].Remaining[0].Attempts != 1 {
		t.Errorf("message: %+v", m)
	}
	call[QueueChange](t, s, "queue.hold", ids)
	if rows := call[QueueRows](t, s, "queue.ls", QueueSelection{}); rows.Rows[0].State != "held" || rows.Rows[0].NextAttempt != nil {
		t.Errorf("held: %+v", rows)
	}
	call[QueueChange](t, s, "queue.release", ids)
	if err := s.Operations().Call(t.Context(), "queue.release", ids, nil); admin.AsError(err).Exit != admin.ExitData {
		t.Errorf("release of a message that is not held: %v", err)
	}
	call[QueueChange](t, s, "queue.retry", ids)
	if rows := call[QueueRows](t, s, "queue.ls", QueueSelection{}); rows.Rows[0].State != "queued" || !rows.Rows[0].NextAttempt.Before(due) {
		t.Errorf("released and retried: %+v", rows)
	}
	if done := call[QueueChange](t, s, "queue.drop", QueueIDs{IDs: []string{id, id}}); done.Messages != 1 {
		t.Errorf("dropped: %+v", done)
	}
	for _, name := range []string{"queue.hold", "queue.release", "queue.retry", "queue.drop"} {
		if err := s.Operations().Call(t.Context(), name, ids, nil); admin.AsError(err).Exit != admin.ExitData {
			t.Errorf("%s of a message that is gone: %v", name, err)
		}
	}
}

// Who sent a message that an operator gives up is told of the list's address,
// not of its members.
func TestQueueBounce(t *testing.T) {
	s := atRest(t)
	id := accept(t, s, time.Now().Add(time.Hour))
	if tops := call[[]QueueTop](t, s, "queue.top", Nothing{}); len(tops) != 1 || tops[0].Messages != 1 || tops[0].Pending != 1 || tops[0].List != "announce.lists.example.com" {
		t.Errorf("top: %+v", tops)
	}
	if done := call[QueueChange](t, s, "queue.bounce", QueueIDs{IDs: []string{id.String()}}); done.Messages != 1 {
		t.Fatalf("bounced: %+v", done)
	}
	rows := call[QueueRows](t, s, "queue.ls", QueueSelection{}).Rows
	if len(rows) != 1 || rows[0].Service != "relay" || rows[0].ReversePath != "" {
		t.Fatalf("left in the spool: %+v", rows)
	}
	report, err := gateway.ParseQueueID(rows[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.spool.Load(report)
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Content.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil || !strings.Contains(string(text), "Final-Recipient: rfc822; announce@lists.example.com\r\nAction: failed\r\nStatus: 5.0.0\r\n") || strings.Contains(string(text), "rfc822; anne@example.com") {
		t.Errorf("%v\n%s", err, text)
	}
}

// What never was expanded is recorded by the address that it came in for.
func TestDropIsRecorded(t *testing.T) {
	s := atRest(t)
	id := receive(t, s).ID
	call[QueueChange](t, s, "queue.drop", QueueIDs{IDs: []string{id.String()}, By: "anne\r\n"})
	got, err := os.ReadFile(filepath.Join(s.cfg.StateDir, "log", "deliveries.jsonl"))
	const want = `"list":"announce.lists.example.com","member":"announce@lists.example.com","next_hop":"","code":554,"enhanced":"5.0.0","text":"drop by anne??","attempt":0,"ms":0,"outcome":"failed","module":""}`
	if err != nil || !strings.HasSuffix(string(got), want+"\n") || strings.Count(string(got), "\n") != 1 {
		t.Errorf("%v: %s", err, got)
	}
}

// TestRowsAreBounded: a limit bounds the rows and not their number.
func TestRowsAreBounded(t *testing.T) {
	s := atRest(t)
	for range 5 {
		accept(t, s, time.Now())
	}
	if rows := call[QueueRows](t, s, "queue.ls", QueueSelection{Limit: 2}); len(rows.Rows) != 2 || rows.Total != 5 {
		t.Errorf("got %d rows of %d", len(rows.Rows), rows.Total)
	}
	call[ListChange](t, s, "list.create", NewList{Address: "dev@lists.example.com"})
	var all []string
	for i := range 25 {
		all = append(all, fmt.Sprintf("member%02d@example.com", i))
	}
	if count := call[MemberCount](t, s, "member.add", MemberChange{List: "dev@lists.example.com", Members: all}); count != (MemberCount{25, 25}) {
		t.Errorf("added %+v", count)
	}
	var read []string
	for page := (MemberPage{List: "dev@lists.example.com", Limit: 10}); ; {
		rows := call[MemberRows](t, s, "member.ls", page)
		for _, row := range rows.Rows {
			read = append(read, row.Address)
		}
		if page.After = rows.Next; page.After == "" {
			break
		}
	}
	if strings.Join(read, " ") != strings.Join(all, " ") {
		t.Errorf("read %v", read)
	}
	err := s.Operations().Call(t.Context(), "member.add", MemberChange{List: "dev@lists.example.com", Members: make([]string, MembersPerCall+1)}, nil)
	if admin.AsError(err).Exit != admin.ExitData {
		t.Errorf("too many members at once: %v", err)
	}
}

func TestPluginsAtRest(t *testing.T) {
	s := atRest(t)
	var names []string
	for _, row := range call[[]PluginRow](t, s, "plugin.ls", Nothing{}) {
		names = append(names, row.Name+" "+row.Kind+" "+row.State)
	}
	if got := strings.Join(names, ", "); got != "deliver planner not running, list-headers handler not running, postfix writer not running, posting handler not running" {
		t.Errorf("got %s", got)
	}
}

// TestOperationsEnd: an operation whose caller is gone changes nothing more.
func TestOperationsEnd(t *testing.T) {
	s := atRest(t)
	id := accept(t, s, time.Now())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.queueDrop(gone, QueueIDs{IDs: []string{id.String()}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := s.spool.Load(id); err != nil {
		t.Error(err)
	}
}

// Rows are read from a message on, up to the limit.
func TestQueueRowsFrom(t *testing.T) {
	s := atRest(t)
	var ids []string
	for range 3 {
		ids = append(ids, accept(t, s, time.Now()).String())
	}
	for i, want := range []int{2, 2, 1} {
		rows := call[QueueRows](t, s, "queue.ls", QueueSelection{From: ids[i], Limit: 2})
		if len(rows.Rows) != want || rows.Rows[0].ID != ids[i] {
			t.Errorf("from message %d: %+v", i, rows)
		}
	}
	if rows := call[QueueRows](t, s, "queue.ls", QueueSelection{Limit: 2}); len(rows.Rows) != 2 || rows.Total != 3 {
		t.Errorf("%+v", rows)
	}
	if err := s.Operations().Call(t.Context(), "queue.ls", QueueSelection{From: "?"}, nil); admin.AsError(err).Exit != admin.ExitData {
		t.Errorf("%v", err)
	}
}

// What no [[list]] can be, a list that is made at run time cannot be either.
func TestSettingsOfLists(t *testing.T) {
	s := atRest(t)
	call[ListChange](t, s, "list.create", NewList{Address: "dev@lists.example.com"})
	for what, settings := range map[string]ListSettings{
		"an owner":       {Owners: new([]string{"anne@example.com", ""})},
		"a moderator":    {Moderators: new([]string{"anne"})},
		"a description":  {Description: new("two\r\nlines")},
		"a long one":     {Description: new(strings.Repeat("x", 70_000))},
		"who may post":   {Posting: new("nobody")},
		"how to join":    {Subscribe: new("")},
		"how to leave":   {Unsubscribe: new("never")},
		"no [http] url":  {Unsubscribe: new("member")},
		"an interval":    {VERPInterval: new(1_000_001)},
		"less than none": {VERPInterval: new(-1)},
	} {
		for operation, args := range map[string]any{
			"list.set":    ChangedList{ListName{"dev@lists.example.com"}, settings},
			"list.create": NewList{"new@lists.example.com", settings},
		} {
			if err := s.Operations().Call(t.Context(), operation, args, nil); err == nil || admin.AsError(err).Exit != admin.ExitData {
				t.Errorf("%s: %s: %v", operation, what, err)
			}
		}
	}
	if rows := call[[]ListRow](t, s, "list.ls", Nothing{}); len(rows) != 2 || rows[0].Posting != "members" || len(rows[0].Owners) > 0 {
		t.Errorf("%+v", rows)
	}
}
