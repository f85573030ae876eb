package roster

import (
	"bytes"
	"testing"

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
		w := store.NewWriter(recordVersion)
		w.Raw(payload)
		record := w.Record()
		if m, err := decodeMember(record); err == nil && len(m.row.Bounce.Text) <= textBytesMax && !bytes.Equal(encodeMember(m), record) {
			t.Errorf("%x was written again as %x", record, encodeMember(m))
		}
		if l, _, err := decodeList(record); err == nil && l == nil {
			t.Error("no list and no error")
		}
	})
}
