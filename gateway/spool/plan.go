package spool

import (
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// encodePlan writes the deliveries of a batch without their outcomes, and the
// edits that they share. A delivery says once what the one before it said too.
func encodePlan(b *gateway.Batch) []byte {
	w := store.NewWriter(recordVersion)
	writeEdits(w, b.Edits)
	w.Uint(uint64(len(b.Deliveries)))
	last := &gateway.Delivery{}
	for i := range b.Deliveries {
		d := &b.Deliveries[i]
		writePath(w, last.ReversePath, d.ReversePath)
		writeRecipients(w, d.Recipients)
		writeEdits(w, d.Edits)
		same := sameParameters(last, d)
		w.Bool(same)
		if !same {
			w.String(d.Route)
			w.String(d.XVERP)
			writeParameters(w, &d.Envelope)
		}
		last = d
	}
	return w.Record()
}

// writePath writes a reverse-path by what is not as in the one before: those of
// one post begin and end the same.
func writePath(w *store.Writer, last, path gateway.ReversePath) {
	start, end := inCommon(last, path)
	w.Uint(uint64(start))
	w.Uint(uint64(end))
	w.String(string(path[start : len(path)-end]))
}

// readPath reads what writePath wrote. ok is false for what it does not write:
// there is one encoding for each path.
func readPath(r *store.Reader, last gateway.ReversePath) (path gateway.ReversePath, ok bool) {
	start, end, middle := r.Uint(), r.Uint(), r.String()
	if start > uint64(len(last)) || end > uint64(len(last))-start {
		return "", false
	}
	path = last[:start] + gateway.ReversePath(middle) + last[len(last)-int(end):]
	s, e := inCommon(last, path)
	return path, uint64(s) == start && uint64(e) == end && len(path) <= gateway.PathBytesMax
}

// inCommon is how many octets two paths have in common at their start, and of
// the rest at their end.
func inCommon(a, b gateway.ReversePath) (start, end int) {
	shorter := min(len(a), len(b))
	for start < shorter && a[start] == b[start] {
		start++
	}
	for end < shorter-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	return start, end
}

func sameParameters(a, b *gateway.Delivery) bool {
	return a.Route == b.Route && a.XVERP == b.XVERP && a.Envelope.BodyType == b.Envelope.BodyType && a.Envelope.SMTPUTF8 == b.Envelope.SMTPUTF8 &&
		a.Envelope.EnvelopeID == b.Envelope.EnvelopeID && a.Envelope.Return == b.Envelope.Return
}

// deliveryBytesMin is the least that a delivery takes in a record.
const deliveryBytesMin = 4

func decodePlan(key gateway.BatchKey, record []byte) (*gateway.Batch, error) {
	r := store.NewReader(record, recordVersion)
	b := &gateway.Batch{Message: key.Message, Leg: key.Leg, Number: key.Number, Edits: readEdits(r)}
	last := &gateway.Delivery{}
	n := r.Count(deliveryBytesMin)
	b.Deliveries = make([]gateway.Delivery, 0, min(n, gateway.BatchRecipientsMax))
	for range n {
		path, ok := readPath(r, last.ReversePath)
		d := gateway.Delivery{ReversePath: path, Recipients: readRecipients(r), Edits: readEdits(r)}
		if !ok && r.Err() == nil {
			return nil, store.ErrCorrupt
		}
		if r.Bool() {
			d.Route, d.XVERP, d.Envelope = last.Route, last.XVERP, last.Envelope
		} else {
			d.Route = r.String()
			d.XVERP = r.String()
			readParameters(r, &d.Envelope)
			if sameParameters(last, &d) && r.Err() == nil {
				return nil, store.ErrCorrupt // there is one encoding for each plan
			}
		}
		b.Deliveries = append(b.Deliveries, d)
		last = &b.Deliveries[len(b.Deliveries)-1]
	}
	return b, r.End()
}

// statusTextBytesMax bounds the reply of a remote host in a record: as much as
// the log shows of it.
const statusTextBytesMax = 480

func encodeOutcomes(outcomes []gateway.Outcome) []byte {
	w := store.NewWriter(recordVersion)
	w.Uint(uint64(len(outcomes)))
	for i := range outcomes {
		o := &outcomes[i]
		w.Bool(o.Settled)
		w.Bool(o.Status != nil)
		if o.Status == nil {
			continue
		}
		w.Int(int64(o.Status.Code))
		for _, n := range o.Status.Enhanced {
			w.Int(int64(n))
		}
		w.String(o.Status.Text[:min(len(o.Status.Text), statusTextBytesMax)])
	}
	return w.Record()
}

func decodeOutcomes(record []byte) ([]gateway.Outcome, error) {
	r := store.NewReader(record, recordVersion)
	var outcomes []gateway.Outcome
	for range r.Count(2) {
		o := gateway.Outcome{Settled: r.Bool()}
		if r.Bool() {
			o.Status = &gateway.Status{Code: int(r.Int())}
			for i := range o.Status.Enhanced {
				o.Status.Enhanced[i] = int(r.Int())
			}
			o.Status.Text = r.String()
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, r.End()
}

// legState is what moves of a leg: the index record of the leg.
type legState struct {
	stage    gateway.Stage
	resume   gateway.Stage // where a held leg goes on when it is released; StageHeld of one that was, until its next step
	list     gateway.ListID
	priority int
	due      time.Time
	reason   string
	cursor   gateway.Cursor
	batches  int
}

func encodeLegState(l *legState) []byte {
	w := store.NewWriter(recordVersion)
	w.Raw([]byte{byte(l.stage), byte(l.resume)})
	w.String(string(l.list))
	w.Int(int64(l.priority))
	w.Time(l.due)
	w.String(l.reason)
	w.String(string(l.cursor))
	w.Uint(uint64(l.batches))
	return w.Record()
}

func decodeLegState(record []byte) (*legState, error) {
	r := store.NewReader(record, recordVersion)
	stages := r.Raw(2)
	l := &legState{
		stage: gateway.Stage(stages[0]), resume: gateway.Stage(stages[1]),
		list: gateway.ListID(r.String()), priority: int(r.Int()), due: r.Time(),
		reason: r.String(), cursor: gateway.Cursor(r.String()), batches: int(r.Uint()),
	}
	if err := r.End(); err != nil {
		return nil, err
	}
	if l.stage > gateway.StageDone || l.resume > gateway.StageDone || l.batches < 0 {
		return nil, store.ErrCorrupt
	}
	return l, nil
}

// batchState is what moves of a batch: its index record.
type batchState struct {
	priority, attempt int
	due, expires      time.Time
	recipients        int    // of all deliveries, settled or not
	route             string // of the first delivery that was pending
}

func encodeBatchState(b *batchState) []byte {
	w := store.NewWriter(recordVersion)
	w.Int(int64(b.priority))
	w.Int(int64(b.attempt))
	w.Time(b.due)
	w.Time(b.expires)
	w.Uint(uint64(b.recipients))
	w.String(b.route)
	return w.Record()
}

func decodeBatchState(record []byte) (*batchState, error) {
	r := store.NewReader(record, recordVersion)
	b := &batchState{
		priority: int(r.Int()), attempt: int(r.Int()),
		due: r.Time(), expires: r.Time(), recipients: int(r.Uint()), route: r.String(),
	}
	return b, r.End()
}
