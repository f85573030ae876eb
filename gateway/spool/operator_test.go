package spool_test

import (
	"errors"
	"sync"
	"testing"

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

// What is dropped while outcomes of it become durable leaves nothing behind.
func TestDropDuringOutcomes(t *testing.T) {
	f := open(t, store.NewMemory())
	for n := range 200 {
		m := f.accept(t, text(100+n))
		if err := f.expand(m, 2); err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		start := make(chan struct{})
		both.Go(func() {
			<-start
			o := gateway.LegOutcome{Outcomes: []gateway.Outcome{{Status: gateway.Accepted, Settled: true}}}
			err := f.Commit(ctx, gateway.Transition{Message: m.ID, Outcomes: []gateway.LegOutcome{o}})
			if err != nil && !errors.Is(err, gateway.ErrNotSpooled) {
				t.Error(err)
			}
		})
		both.Go(func() {
			<-start
			if err := f.Drop(m.ID); err != nil {
				t.Error(err)
			}
		})
		close(start)
		both.Wait()
		for item := range f.db.Prefix(store.SpoolMessages.Key(nil), nil) {
			t.Fatalf("left behind: %q", item.Key)
		}
	}
}
