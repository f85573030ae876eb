package spool

import (
	"bytes"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// FuzzRecords reads octets as each kind of record. None panics, and one that
// can be read is written as it was: there is one encoding for each value.
func FuzzRecords(f *testing.F) {
	h := &head{message: gateway.Message{Envelope: gateway.Envelope{Recipients: []gateway.Recipient{{Path: "a@b"}}}}, size: 5, legs: 1}
	l := &gateway.Leg{Service: gateway.Post, Recipients: []gateway.RecipientID{1}, Edits: []gateway.Edit{{Op: gateway.ReplaceBody, Body: []byte("x")}}}
	b := &gateway.Batch{Deliveries: []gateway.Delivery{{Recipients: []gateway.Recipient{{Path: "a@b"}}, ReversePath: "l+a=b@c"}, {Route: "x", XVERP: "+=", ReversePath: "l+ab=b@c"}}}
	outcomes := []gateway.Outcome{{}, {Settled: true, Status: gateway.Accepted}}
	for _, record := range [][]byte{
		encodeHead(h), encodeLeg(l), encodePlan(b), encodeOutcomes(outcomes), encloseContent([]byte("x")),
		encodeLegState(&legState{list: "l", batches: 2}), encodeBatchState(&batchState{attempt: 1}),
	} {
		f.Add(record[1 : len(record)-4])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		w := store.NewWriter(recordVersion)
		w.Raw(payload)
		record := w.Record()
		for name, again := range map[string]func([]byte) ([]byte, error){
			"head": func(p []byte) ([]byte, error) { v, err := decodeHead(1, p); return write(v, err, encodeHead) },
			"leg":  func(p []byte) ([]byte, error) { v, err := decodeLeg(p); return write(v, err, encodeLeg) },
			"plan": func(p []byte) ([]byte, error) {
				v, err := decodePlan(gateway.BatchKey{}, p)
				return write(v, err, encodePlan)
			},
			"outcomes": func(p []byte) ([]byte, error) { v, err := decodeOutcomes(p); return write(v, err, encodeOutcomes) },
			"content":  func(p []byte) ([]byte, error) { v, err := decodeContent(p); return write(v, err, encloseContent) },
			"legState": func(p []byte) ([]byte, error) { v, err := decodeLegState(p); return write(v, err, encodeLegState) },
			"batch":    func(p []byte) ([]byte, error) { v, err := decodeBatchState(p); return write(v, err, encodeBatchState) },
		} {
			if got, err := again(record); err == nil && !bytes.Equal(got, record) {
				t.Errorf("%s: %x was written again as %x", name, record, got)
			}
		}
	})
}

func encloseContent(content []byte) []byte {
	return encodeContent(append(make([]byte, store.EnclosureBytes), content...))
}

func write[T any](v T, err error, encode func(T) []byte) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return encode(v), nil
}

// The paths of a post are written by what differs, and read as they were.
func TestPlanPaths(t *testing.T) {
	b := &gateway.Batch{}
	for _, path := range []gateway.ReversePath{"", "l-bounces+anne=x.org@h.org", "l-bounces+ann=x.org@h.org", "l-bounces+annanne=x.org@h.org", "l-bounces+annanne=x.org@h.org", "o@p.org", ""} {
		b.Deliveries = append(b.Deliveries, gateway.Delivery{ReversePath: path, XVERP: "+="})
	}
	record := encodePlan(b)
	got, err := decodePlan(gateway.BatchKey{}, record)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b.Deliveries {
		if d := got.Deliveries[i]; d.ReversePath != b.Deliveries[i].ReversePath || d.XVERP != "+=" {
			t.Errorf("%d: %q, want %q", i, d.ReversePath, b.Deliveries[i].ReversePath)
		}
	}
	if n := bytes.Count(record, []byte("l-bounces")); n != 1 {
		t.Errorf("what is the same is written %d times", n)
	}
}
