package roster

import (
	"bytes"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// FuzzRecords reads octets as the records of a member and of a list. None
// panics, and a member that can be read is written as it was.
func FuzzRecords(f *testing.F) {
	m := &member{added: true, row: MemberRow{Bounce: Bounce{Count: 1, Status: "5.1.1"}}}
	m.row.Path = "anne@example.com"
	list, err := encodeList(&gateway.List{ID: "dev.lists.example.com"}, true)
	if err != nil {
		f.Fatal(err)
	}
	for _, record := range [][]byte{encodeMember(m), encodeMember(&member{}), list} {
		f.Add(record[1 : len(record)-4])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		w := store.NewWriter(memberVersion)
		w.Raw(payload)
		record := w.Record()
		if m, err := decodeMember(record); err == nil && len(m.row.Bounce.Text) <= textBytesMax && !bytes.Equal(encodeMember(m), record) {
			t.Errorf("%x was written again as %x", record, encodeMember(m))
		}
		w = store.NewWriter(recordVersion)
		w.Raw(payload)
		if l, _, err := decodeList(w.Record()); err == nil && l == nil {
			t.Error("no list and no error")
		}
	})
}

// A member that was written before there were scores is read as one whose
// bounces did nothing.
func TestMemberOfVersion1(t *testing.T) {
	w := store.NewWriter(1)
	w.String("anne@example.com")
	w.String("Anne")
	w.Bool(true)
	w.Bool(false)
	w.Bool(false)
	w.Float(2)
	w.Bool(true)
	w.Uint(3)
	w.String("5.1.1")
	w.String("gone")
	w.Time(time.Unix(1, 0))
	m, err := decodeMember(w.Record())
	if err != nil || m.row.Score != 2 || m.row.Bounce != (Bounce{Count: 3, Status: "5.1.1", Text: "gone", Time: m.row.Bounce.Time}) {
		t.Errorf("%+v, %v", m, err)
	}
}
