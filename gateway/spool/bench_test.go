package spool_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/spool"
	"github.com/mmgw/mmgw/gateway/store"
)

// onDisk opens a spool on a real disk.
func onDisk(b *testing.B, dir string) *fixture {
	b.Helper()
	db, err := store.Open(store.Options{Dir: dir + "/db"})
	if err != nil {
		b.Fatal(err)
	}
	s, err := spool.Open(spool.Options{Store: db, Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	return &fixture{Spool: s, db: db}
}

// acceptOne accepts the n-th message of 10 kB, unlike all others.
func (f *fixture) acceptOne(content []byte, n uint64) error {
	id, w, err := f.Begin(noon, false)
	if err != nil {
		return err
	}
	defer w.Discard()
	content = binary.BigEndian.AppendUint64(content, n)
	if _, err := w.Write(content); err != nil {
		return err
	}
	m := &gateway.Message{
		ID: id, Received: noon, Digest: sha256.Sum256(content),
		Envelope: gateway.Envelope{ReversePath: "anne@example.com", Recipients: []gateway.Recipient{{Path: "dev@lists.example.com"}}},
		Legs:     []gateway.Leg{{Service: gateway.Post, List: "dev.lists.example.com", Recipients: []gateway.RecipientID{0}}},
	}
	if m.Content, err = w.Content(); err != nil {
		return err
	}
	_, err = f.Accept(ctx, m)
	return err
}

// BenchmarkAccept accepts messages of 10 kB, each synced, on a real disk.
func BenchmarkAccept(b *testing.B) {
	for _, sessions := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			f := onDisk(b, b.TempDir())
			defer f.db.Close()
			var next atomic.Uint64
			b.ResetTimer()
			var group sync.WaitGroup
			for range sessions {
				group.Go(func() {
					content := text(10_000)
					for n := next.Add(1); n <= uint64(b.N); n = next.Add(1) {
						if err := f.acceptOne(content[:10_000:10_000], n); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// deepMessages is how many messages a deep spool holds.
const deepMessages = 100_000

// acceptMany accepts so many messages of size octets, the first one of number
// from, over some sessions at a time.
func (f *fixture) acceptMany(b *testing.B, sessions, size int, from, messages uint64) {
	b.Helper()
	var next atomic.Uint64
	var group sync.WaitGroup
	for range sessions {
		group.Go(func() {
			content := text(size)
			for n := next.Add(1); n <= messages; n = next.Add(1) {
				if err := f.acceptOne(content[:size:size], from+n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// BenchmarkStart opens a spool of 100,000 messages and reads all its entries.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	f := onDisk(b, dir)
	f.acceptMany(b, 64, 3000, 0, deepMessages)
	for b.Loop() {
		if err := f.db.Close(); err != nil {
			b.Fatal(err)
		}
		begun := time.Now()
		f = onDisk(b, dir)
		n := 0
		for _, err := range f.Entries() {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != deepMessages {
			b.Fatalf("%d entries", n)
		}
		b.ReportMetric(time.Since(begun).Seconds(), "s/start")
	}
	f.db.Close()
}

// BenchmarkList makes the rows of 20,000 messages, by turns with reading what the
// queue needs of them, and reports the time of one message.
func BenchmarkList(b *testing.B) {
	const messages = 20_000
	f := onDisk(b, b.TempDir())
	defer f.db.Close()
	f.acceptMany(b, 64, 3000, 0, messages)
	timed := func(read func() (n int)) float64 {
		begun := time.Now()
		if n := read(); n != messages {
			b.Fatalf("%d messages", n)
		}
		return float64(time.Since(begun).Microseconds()) / messages
	}
	for b.Loop() {
		b.ReportMetric(timed(func() (n int) {
			for range f.List() {
				n++
			}
			return n
		}), "µs/row")
		b.ReportMetric(timed(func() (n int) {
			for range f.Entries() {
				n++
			}
			return n
		}), "µs/entry")
	}
}

// BenchmarkAcceptDeep accepts 2,000 messages of 10 kB in a fresh spool and as
// many in one that holds 100,000, by turns on the same disk, and reports the
// rates and the median of the deep spool's share. It wants -benchtime=9x.
func BenchmarkAcceptDeep(b *testing.B) {
	const sessions, size, turn = 20, 10_000, 2000
	deep, fresh := onDisk(b, b.TempDir()), onDisk(b, b.TempDir())
	defer func() { deep.db.Close(); fresh.db.Close() }()
	deep.acceptMany(b, 64, 3000, 0, deepMessages)
	var shares, deepRates, freshRates []float64
	for n := uint64(1 << 40); b.Loop(); n += turn {
		rate := func(f *fixture) float64 {
			begun := time.Now()
			f.acceptMany(b, sessions, size, n, turn)
			return turn / time.Since(begun).Seconds()
		}
		freshRates, deepRates = append(freshRates, rate(fresh)), append(deepRates, rate(deep))
		shares = append(shares, deepRates[len(deepRates)-1]/freshRates[len(freshRates)-1])
	}
	for unit, values := range map[string][]float64{"deep/s": deepRates, "fresh/s": freshRates, "deep/fresh": shares} {
		slices.Sort(values)
		b.ReportMetric(values[len(values)/2], unit)
	}
}

// BenchmarkDeliver commits the outcome of one delivery of a batch of 1,000,
// from 20 connections, on a real disk.
func BenchmarkDeliver(b *testing.B) {
	f := onDisk(b, b.TempDir())
	defer f.db.Close()
	if err := f.acceptOne(text(10_000), 0); err != nil {
		b.Fatal(err)
	}
	var id gateway.QueueID
	for e := range f.Entries() {
		id = e.Message
	}
	if err := f.Commit(ctx, gateway.Transition{Message: id, State: &gateway.Leg{Stage: gateway.StageExpanded}, Batches: []*gateway.Batch{batch(id, 0, 1000)}}); err != nil {
		b.Fatal(err)
	}
	status := &gateway.Status{Code: 250, Enhanced: gateway.EnhancedCode{2, 0, 0}, Text: "Ok: queued as 4F2A01C2B3"}
	var next atomic.Int64
	b.ResetTimer()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				o := gateway.LegOutcome{Delivery: int(n % 1000), Outcomes: []gateway.Outcome{{Status: status, Settled: true}}}
				if err := f.Commit(ctx, gateway.Transition{Message: id, Outcomes: []gateway.LegOutcome{o}}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "outcomes/s")
}
