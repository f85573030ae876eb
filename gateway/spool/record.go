package spool

import (
	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// recordVersion is that of all records of the spool.
const recordVersion = 1

// head is a message without its content and its legs.
type head struct {
	message gateway.Message
	size    int64
	inFile  bool // the content is a file, else a record
	legs    int
}

func encodeHead(h *head) []byte {
	w := store.NewWriter(recordVersion)
	m := &h.message
	w.Time(m.Received)
	addr, _ := m.Client.Addr.MarshalBinary() // it never fails
	w.Bytes(addr)
	w.String(m.Client.Name)
	w.String(m.Client.Helo)
	w.Raw(m.Digest[:])
	w.String(string(m.Envelope.ReversePath))
	writeRecipients(w, m.Envelope.Recipients)
	writeParameters(w, &m.Envelope)
	w.Uint(uint64(h.size))
	w.Bool(h.inFile)
	w.Uint(uint64(h.legs))
	return w.Record()
}

func decodeHead(id gateway.QueueID, record []byte) (*head, error) {
	r := store.NewReader(record, recordVersion)
	h := &head{}
	m := &h.message
	m.ID, m.Received = id, r.Time()
	addrErr := m.Client.Addr.UnmarshalBinary(r.Bytes())
	m.Client.Name, m.Client.Helo = r.String(), r.String()
	copy(m.Digest[:], r.Raw(len(m.Digest)))
	m.Envelope.ReversePath = gateway.ReversePath(r.String())
	m.Envelope.Recipients = readRecipients(r)
	readParameters(r, &m.Envelope)
	h.size, h.inFile, h.legs = int64(r.Uint()), r.Bool(), int(r.Uint())
	if err := r.End(); err != nil {
		return nil, err
	}
	if addrErr != nil || h.size < 0 || h.legs < 0 || h.legs > LegsMax {
		return nil, store.ErrCorrupt
	}
	return h, nil
}

// encodeLeg writes what seldom changes; the rest is in the index.
func encodeLeg(l *gateway.Leg) []byte {
	w := store.NewWriter(recordVersion)
	w.String(string(l.Service))
	w.String(string(l.List))
	w.String(l.Forward)
	w.Uint(uint64(len(l.Recipients)))
	for _, id := range l.Recipients {
		w.Int(int64(id))
	}
	writeStrings(w, l.Details)
	writeRecipients(w, l.Added)
	writeEdits(w, l.Edits)
	writeStrings(w, l.Handlers)
	w.String(l.Route)
	w.Uint(l.PostNumber)
	return w.Record()
}

func decodeLeg(record []byte) (*gateway.Leg, error) {
	r := store.NewReader(record, recordVersion)
	l := &gateway.Leg{
		Service: gateway.Service(r.String()),
		List:    gateway.ListID(r.String()),
		Forward: r.String(),
	}
	for range r.Count(1) {
		l.Recipients = append(l.Recipients, gateway.RecipientID(r.Int()))
	}
	l.Details = readStrings(r)
	l.Added = readRecipients(r)
	l.Edits = readEdits(r)
	l.Handlers = readStrings(r)
	l.Route = r.String()
	l.PostNumber = r.Uint()
	return l, r.End()
}

// encodeContent makes the record of a content after store.EnclosureBytes, where
// it lies.
func encodeContent(enclosed []byte) []byte { return store.Enclose(recordVersion, enclosed) }

func decodeContent(record []byte) ([]byte, error) {
	r := store.NewReader(record, recordVersion)
	content := r.Bytes()
	return content, r.End()
}

func writeStrings(w *store.Writer, all []string) {
	w.Uint(uint64(len(all)))
	for _, s := range all {
		w.String(s)
	}
}

func readStrings(r *store.Reader) []string {
	var all []string
	for range r.Count(1) {
		all = append(all, r.String())
	}
	return all
}

func writeRecipients(w *store.Writer, all []gateway.Recipient) {
	w.Uint(uint64(len(all)))
	for i := range all {
		w.String(string(all[i].Path))
		w.String(all[i].Original)
		w.Raw([]byte{byte(all[i].Notify)})
		w.String(all[i].Name)
	}
}

func readRecipients(r *store.Reader) []gateway.Recipient {
	var all []gateway.Recipient
	for range r.Count(4) {
		all = append(all, gateway.Recipient{
			Path: gateway.ForwardPath(r.String()), Original: r.String(),
			Notify: gateway.Notify(r.Raw(1)[0]), Name: r.String(),
		})
	}
	return all
}

// writeParameters writes what MAIL said beside the reverse-path.
func writeParameters(w *store.Writer, e *gateway.Envelope) {
	w.String(string(e.BodyType))
	w.Bool(e.SMTPUTF8)
	w.String(e.EnvelopeID)
	w.String(string(e.Return))
}

func readParameters(r *store.Reader, e *gateway.Envelope) {
	e.BodyType = gateway.BodyType(r.String())
	e.SMTPUTF8 = r.Bool()
	e.EnvelopeID = r.String()
	e.Return = gateway.Return(r.String())
}

func writeEdits(w *store.Writer, edits []gateway.Edit) {
	w.Uint(uint64(len(edits)))
	for i := range edits {
		e := &edits[i]
		w.Raw([]byte{byte(e.Op)})
		w.Int(int64(e.Index))
		w.String(e.Name)
		w.String(e.Value)
		w.Bytes(e.Body)
		w.Bool(e.Template)
	}
}

func readEdits(r *store.Reader) []gateway.Edit {
	var edits []gateway.Edit
	for range r.Count(6) {
		edits = append(edits, gateway.Edit{
			Op: gateway.EditOp(r.Raw(1)[0]), Index: int(r.Int()),
			Name: r.String(), Value: r.String(), Body: r.Bytes(), Template: r.Bool(),
		})
	}
	return edits
}
