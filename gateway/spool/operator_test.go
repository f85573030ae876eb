package spool_test

import (
	"errors"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/spool"
	"github.com/mmgw/mmgw/gateway/store"
)

func rows(t *testing.T, f *fixture) (all []spool.Row) {
	t.Helper()
	for row, err := range f.List() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	return all
}

func TestList(t *testing.T) {
	f := open(t, store.NewMemory())
	waiting, expanded := f.accept(t, text(100)), f.accept(t, text(200))
	if err := f.expand(expanded, 0); err != nil { // has nobody to go to
		t.Fatal(err)
	}
	expanded = f.accept(t, text(300))
	b := batch(expanded.ID, 0, 3)
	if err := f.Commit(ctx, gateway.Transition{Message: expanded.ID, State: &gateway.Leg{List: "dev.lists.example.com", Stage: gateway.StageExpanded, Batches: 1}, Batches: []*gateway.Batch{b}}); err != nil {
		t.Fatal(err)
	}
	later := &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 2, 1}, Text: "later"}
	err := f.Commit(ctx, gateway.Transition{Message: expanded.ID, Outcomes: []gateway.LegOutcome{
		{Delivery: 0, Outcomes: []gateway.Outcome{{Status: gateway.Accepted, Settled: true}}},
		{Delivery: 1, Outcomes: []gateway.Outcome{{Status: later}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := rows(t, f)
	if len(got) != 2 {
		t.Fatalf("%d rows: %+v", len(got), got)
	}
	if r := got[0]; r.ID != waiting.ID || r.Pending != 1 || r.Stage != gateway.StageAccepted || r.Size != 100 || r.ReversePath != "anne@example.com" || !r.Received.Equal(noon) {
		t.Errorf("waiting: %+v", r)
	}
	if r := got[1]; r.ID != expanded.ID || r.Pending != 2 || r.LastReply != "451 4.2.1 later" || !r.NextAttempt.Equal(noon) {
		t.Errorf("expanded: %+v", r)
	}
}

func TestHoldReleaseDrop(t *testing.T) {
	f := open(t, store.NewMemory())
	m := f.accept(t, text(100))
	if err := errors.Join(f.expand(m, 1), f.Hold(m.ID, "by anne")); err != nil {
		t.Fatal(err)
	}
	f = f.restart(t)
	want := "message 1 leg 0 batch -1 stage 3 list dev.lists.example.com\nmessage 1 leg 0 batch 0 stage 3 list dev.lists.example.com\n"
	if got := f.entries(); got != want {
		t.Errorf("held:\n%s", got)
	}
	if r := rows(t, f); len(r) != 1 || r[0].Reason != "by anne" || r[0].Stage != gateway.StageHeld || r[0].Pending != 1 || !r[0].NextAttempt.IsZero() {
		t.Errorf("held: %+v", r)
	}
	entries, err := f.Release(m.ID, noon)
	if err != nil || len(entries) != 1 || entries[0].Batch != 0 || entries[0].Stage != gateway.StageExpanded {
		t.Errorf("released: %+v, %v", entries, err)
	}
	if err := f.Drop(m.ID); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"drop": f.Drop(m.ID), "hold": f.Hold(m.ID, ""), "settle": f.settle(m.ID, 0), "expand": f.expand(m, 1)} {
		if !errors.Is(err, gateway.ErrNotSpooled) {
			t.Errorf("%s what is gone: %v", name, err)
		}
	}
}

// A step that was under way when a leg was held is kept for its release.
func TestHeldStaysHeld(t *testing.T) {
	f := open(t, store.NewMemory())
	m := f.accept(t, text(100))
	if err := errors.Join(f.Hold(m.ID, "by anne"), f.expand(m, 1)); err != nil {
		t.Fatal(err)
	}
	loaded, err := f.Load(m.ID)
	if err != nil || loaded.Legs[0].Stage != gateway.StageHeld || loaded.Legs[0].Reason != "by anne" {
		t.Errorf("%v: %+v", err, loaded.Legs)
	}
	entries, err := f.Release(m.ID, noon.Add(time.Hour))
	if err != nil || len(entries) != 1 || entries[0].Batch != 0 {
		t.Errorf("released: %+v, %v", entries, err)
	}
}

// A leg that a handler held when it came waits, and starts from the beginning.
func TestHeldOnArrival(t *testing.T) {
	f := open(t, store.NewMemory())
	m, _, err := f.begin(text(100), noon)
	if err != nil {
		t.Fatal(err)
	}
	m.Legs[0].Stage, m.Legs[0].Reason = gateway.StageHeld, "moderated"
	if _, err := f.Accept(ctx, m); err != nil {
		t.Fatal(err)
	}
	if r := rows(t, f); len(r) != 1 || r[0].Reason != "moderated" || r[0].Pending != 1 {
		t.Errorf("held: %+v", r)
	}
	entries, err := f.Release(m.ID, noon.Add(time.Hour))
	if err != nil || len(entries) != 1 || entries[0].Batch != gateway.ExpandLeg || !entries[0].Due.Equal(noon.Add(time.Hour)) {
		t.Errorf("released: %+v, %v", entries, err)
	}
}
