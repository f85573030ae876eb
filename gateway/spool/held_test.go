package spool_test

import (
	"errors"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

func TestHoldReleaseDrop(t *testing.T) {
	f := open(t, store.NewMemory())
	m := f.accept(t, text(100))
	if err := errors.Join(f.expand(m, 1), f.Hold(m.ID, "by anne")); err != nil {
		t.Fatal(err)
	}
	f = f.restart(t)
	want := "message 1 leg 0 batch 0 stage 3 list dev.lists.example.com\n"
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

// An attempt that was under way when a message was held may end it.
func TestHeldWithNothingLeft(t *testing.T) {
	f := open(t, store.NewMemory())
	m := f.accept(t, text(100))
	if err := errors.Join(f.expand(m, 1), f.Hold(m.ID, "by anne"), f.settle(m.ID, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Load(m.ID); !errors.Is(err, gateway.ErrNotSpooled) {
		t.Errorf("it stays: %v", err)
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
	f = f.restart(t)
	if loaded, err := f.Load(m.ID); err != nil || loaded.Legs[0].Stage != gateway.StageAccepted || !loaded.Legs[0].Released {
		t.Errorf("released: %v: %+v", err, loaded.Legs)
	}
	if err := f.Hold(m.ID, "by anne"); err != nil {
		t.Fatal(err)
	}
	if loaded, err := f.Load(m.ID); err != nil || loaded.Legs[0].Released {
		t.Errorf("held again: %v: %+v", err, loaded.Legs)
	}
}

// Of two legs that are held, one can go on and the other go.
func TestHeldLegs(t *testing.T) {
	f := open(t, store.NewMemory())
	m, _, err := f.begin(text(100), noon)
	if err != nil {
		t.Fatal(err)
	}
	m.Legs[0].Stage, m.Legs[0].Reason = gateway.StageHeld, "moderated"
	other := m.Legs[0]
	other.List = "other.lists.example.com"
	m.Legs = append(m.Legs, other)
	if _, err := f.Accept(ctx, m); err != nil {
		t.Fatal(err)
	}
	entries, err := f.ReleaseLeg(m.ID, 1, noon)
	if err != nil || len(entries) != 1 || entries[0].Leg != 1 || entries[0].Stage != gateway.StageAccepted {
		t.Fatalf("released: %+v, %v", entries, err)
	}
	if again, err := f.ReleaseLeg(m.ID, 1, noon); err != nil || len(again) != 1 {
		t.Errorf("released twice: %+v, %v", again, err)
	}
	if dropped, err := f.DropLeg(m.ID, 1); err != nil || dropped {
		t.Errorf("a leg that goes on is dropped: %v, %v", dropped, err)
	}
	if dropped, err := f.DropLeg(m.ID, 0); err != nil || !dropped {
		t.Errorf("drop: %v, %v", dropped, err)
	}
	if got := rows(t, f); len(got) != 1 || got[0].Leg != 1 {
		t.Errorf("left: %+v", got)
	}
	if err := f.Hold(m.ID, "again"); err != nil {
		t.Fatal(err)
	}
	if dropped, err := f.DropLeg(m.ID, 1); err != nil || !dropped {
		t.Errorf("drop: %v, %v", dropped, err)
	}
	if _, err := f.Load(m.ID); !errors.Is(err, gateway.ErrNotSpooled) {
		t.Errorf("a message without legs stays: %v", err)
	}
}
