package replay

import (
	"encoding/binary"
	"encoding/json"
	"io"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// recordVersion is that of the records of this package.
const recordVersion = 1

func idKey(space store.Space, id gateway.QueueID) []byte {
	return space.Key(binary.BigEndian.AppendUint64(nil, uint64(id)))
}

func headKey(id gateway.QueueID) []byte { return idKey(store.ReplayHeads, id) }

func contentKey(id gateway.QueueID) []byte { return idKey(store.ReplayContents, id) }

// head is what is kept beside the content. It is written as JSON, so that
// fields may come and go without another version.
type head struct {
	Client   gateway.Client
	Envelope gateway.Envelope
	Auth     gateway.AuthResults
}

func encode(m *gateway.Message, auth gateway.AuthResults) (headRecord, contentRecord []byte, err error) {
	text, err := json.Marshal(head{m.Client, m.Envelope, auth})
	if err != nil {
		return nil, nil, err
	}
	r, err := m.Content.Open()
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	content := make([]byte, m.Content.Size())
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, nil, err
	}
	w := store.NewWriter(recordVersion)
	w.Time(m.Received)
	w.Raw(m.Digest[:])
	w.Int(m.Content.Size())
	w.Bytes(text)
	c := store.NewWriter(recordVersion)
	c.Bytes(content)
	return w.Record(), c.Record(), nil
}

// sizeOnly stands for a content that was not read yet.
type sizeOnly int64

func (s sizeOnly) Size() int64 { return int64(s) }

func (s sizeOnly) Open() (gateway.ContentReader, error) { return nil, store.ErrCorrupt }

func decode(key, record []byte) (*Message, error) {
	if len(key) != 1+8 {
		return nil, store.ErrCorrupt
	}
	r := store.NewReader(record, recordVersion)
	m := &Message{}
	m.ID = gateway.QueueID(binary.BigEndian.Uint64(key[1:]))
	m.Received = r.Time()
	copy(m.Digest[:], r.Raw(len(m.Digest)))
	m.Content = sizeOnly(r.Int())
	text := r.Bytes()
	if err := r.End(); err != nil {
		return nil, err
	}
	var h head
	if err := json.Unmarshal(text, &h); err != nil {
		return nil, err
	}
	m.Client, m.Envelope, m.Auth = h.Client, h.Envelope, h.Auth
	return m, nil
}

func (m *Message) takeContent(record []byte) error {
	r := store.NewReader(record, recordVersion)
	content := r.Bytes()
	if err := r.End(); err != nil {
		return err
	}
	m.Content = gateway.Bytes(content)
	return nil
}
