package spool_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/spool"
	"github.com/mmgw/mmgw/gateway/store"
)

var (
	noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	ctx  = context.Background()
)

// fixture is a spool on a disk in memory.
type fixture struct {
	*spool.Spool
	db   *store.Store
	disk *store.Memory
}

func open(t testing.TB, disk *store.Memory) *fixture {
	t.Helper()
	f, err := tryOpen(disk)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.db.Close() })
	return f
}

func tryOpen(disk *store.Memory) (*fixture, error) {
	db, err := store.Open(store.Options{Dir: "/state/db", FS: disk.FS(), MemTableBytes: 256 << 10, ReopenAfter: 1})
	if err != nil {
		return nil, err
	}
	s, err := spool.Open(spool.Options{Store: db, Dir: "/state", FS: disk.FS()})
	return &fixture{s, db, disk}, err
}

// restart ends the process in good order and starts another one.
func (f *fixture) restart(t testing.TB) *fixture {
	t.Helper()
	if err := f.db.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, f.disk)
}

// files are the names of the contents on the disk.
func (f *fixture) files(t testing.TB) []string {
	t.Helper()
	names, err := f.disk.FS().List("/state/content")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func text(n int) []byte {
	return bytes.Repeat([]byte("From: anne@example.com\r\n"), n/24+1)[:n]
}

// begin writes content and makes the message of one post to a list.
func (f *fixture) begin(content []byte, at time.Time) (*gateway.Message, gateway.ContentWriter, error) {
	id, w, err := f.Begin(at, false)
	if err != nil {
		return nil, nil, err
	}
	m := &gateway.Message{
		ID: id, Received: at, Digest: sha256.Sum256(content),
		Client: gateway.Client{Addr: netip.MustParseAddr("192.0.2.1"), Name: "mx.example.com", Helo: "mx"},
		Envelope: gateway.Envelope{
			ReversePath: "anne@example.com", BodyType: gateway.Body8BitMIME, EnvelopeID: "e1", Return: gateway.ReturnFull,
			Recipients: []gateway.Recipient{{Path: "dev@lists.example.com", Original: "rfc822;dev@lists.example.com"}},
		},
		Legs: []gateway.Leg{{Service: gateway.Post, List: "dev.lists.example.com", Recipients: []gateway.RecipientID{0}, PostNumber: 7}},
	}
	if _, err := w.Write(content); err != nil {
		return nil, w, err
	}
	m.Content, err = w.Content()
	return m, w, err
}

func (f *fixture) accept(t testing.TB, content []byte) *gateway.Message {
	t.Helper()
	m, _, err := f.begin(content, noon)
	if err != nil {
		t.Fatal(err)
	}
	if dup, err := f.Accept(ctx, m); err != nil || dup != nil {
		t.Fatalf("accept: duplicates %v, error %v", dup, err)
	}
	return m
}

// batch is one of n deliveries to one member each.
func batch(id gateway.QueueID, number, n int) *gateway.Batch {
	b := &gateway.Batch{Message: id, Number: number, Priority: gateway.PriorityPost, Due: noon, Expires: noon.Add(120 * time.Hour)}
	for i := range n {
		b.Deliveries = append(b.Deliveries, gateway.Delivery{
			ReversePath: gateway.ReversePath(fmt.Sprintf("dev-bounces+m%d=example.org@lists.example.com", i)),
			Recipients:  []gateway.Recipient{{Path: gateway.ForwardPath(fmt.Sprintf("m%d@example.org", i)), Name: "M"}},
			Envelope:    gateway.Envelope{BodyType: gateway.Body8BitMIME},
		})
	}
	return b
}

// expand commits n batches of one delivery each, and the end of the expansion.
func (f *fixture) expand(m *gateway.Message, n int) error {
	leg := m.Legs[0]
	leg.Stage, leg.Batches = gateway.StageExpanded, n
	t := gateway.Transition{Message: m.ID, State: &leg}
	for i := range n {
		t.Batches = append(t.Batches, batch(m.ID, i, 1))
	}
	return f.Commit(ctx, t)
}

// settle commits the end of a batch.
func (f *fixture) settle(id gateway.QueueID, number int) error {
	b, err := f.Batch(gateway.BatchKey{Message: id, Number: number})
	if err != nil {
		return err
	}
	for i := range b.Deliveries {
		b.Deliveries[i].Outcomes = []gateway.Outcome{{Status: gateway.Accepted, Settled: true}}
	}
	return f.Commit(ctx, gateway.Transition{Message: id, Batches: []*gateway.Batch{b}})
}

func read(t testing.TB, c gateway.Content) []byte {
	t.Helper()
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// entries is what Entries yields, a line each.
func (f *fixture) entries() string {
	var b strings.Builder
	names := map[gateway.QueueID]int{}
	for e, err := range f.Entries() {
		if err != nil {
			fmt.Fprintf(&b, "error damaged=%v\n", errors.Is(err, spool.ErrDamaged))
			continue
		}
		if names[e.Message] == 0 {
			names[e.Message] = len(names) + 1
		}
		fmt.Fprintf(&b, "message %d leg %d batch %d stage %d list %s\n", names[e.Message], e.Leg, e.Batch, e.Stage, e.List)
	}
	return b.String()
}
