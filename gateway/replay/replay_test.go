package replay

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// house keeps messages on a disk in memory, at a time of its own.
type house struct {
	*Messages
	t   *testing.T
	db  *store.Store
	now time.Time
	id  gateway.QueueID
}

func newHouse(t *testing.T, keep time.Duration, bytesMax int64) *house {
	t.Helper()
	db, err := store.Open(store.Options{Dir: "/db", FS: store.NewMemory().FS()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	h := &house{t: t, db: db, now: time.UnixMilli(1_700_000_000_000)}
	h.open(keep, bytesMax)
	return h
}

func (h *house) open(keep time.Duration, bytesMax int64) {
	h.t.Helper()
	var err error
	if h.Messages, err = Open(Options{Store: h.db, For: keep, BytesMax: bytesMax, Now: func() time.Time { return h.now }}); err != nil {
		h.t.Fatal(err)
	}
}

// take keeps a message with this content, a minute after the one before.
func (h *house) take(content string) {
	h.t.Helper()
	h.now = h.now.Add(time.Minute)
	h.id++
	m := &gateway.Message{
		ID: h.id, Received: h.now, Content: gateway.Bytes(content), Digest: sha256.Sum256([]byte(content)),
		Client:   gateway.Client{Addr: netip.MustParseAddr("192.0.2.7"), Name: "mx.example.com"},
		Envelope: gateway.Envelope{ReversePath: "anne@example.com", Recipients: []gateway.Recipient{{Path: "dev@lists.example.com"}}, SMTPUTF8: true},
	}
	if err := h.Keep(m, gateway.AuthResults{SPF: "pass"}); err != nil {
		h.t.Fatal(err)
	}
}

// texts are the contents of the last n.
func (h *house) texts(n int) string {
	h.t.Helper()
	var all []string
	for m, err := range h.Last(n) {
		if err != nil {
			h.t.Fatal(err)
		}
		r, err := m.Content.Open()
		if err != nil {
			h.t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return strings.Join(all, " ")
}

// records is how many there are on the disk.
func (h *house) records() (n int) {
	for _, space := range []store.Space{store.ReplayHeads, store.ReplayContents} {
		for _, err := range h.db.Prefix(space.Key(), nil) {
			if err != nil {
				h.t.Fatal(err)
			}
			n++
		}
	}
	return n
}

func (h *house) expect(n int, texts string, records int) {
	h.t.Helper()
	if got, kept := h.texts(n), h.records(); got != texts || kept != records {
		h.t.Errorf("%q in %d records, not %q in %d", got, kept, texts, records)
	}
}

func TestMessagesAreKeptAsTheyCame(t *testing.T) {
	h := newHouse(t, time.Hour, 0)
	h.take("one")
	h.take("two")
	h.take("one") // it came again
	h.expect(9, "one two", 4)
	h.expect(1, "two", 4)
	h.open(time.Hour, 0)
	h.take("two")
	h.expect(9, "one two", 4)
	for m, err := range h.Last(1) {
		if err != nil || m.ID != 2 || m.Client.Name != "mx.example.com" || m.Client.Addr.String() != "192.0.2.7" || !m.Envelope.SMTPUTF8 ||
			!reflect.DeepEqual(m.Auth, gateway.AuthResults{SPF: "pass"}) || m.Digest != sha256.Sum256([]byte("two")) || m.Legs != nil {
			t.Errorf("%+v, %v", m, err)
		}
	}
}

func TestMessagesExpire(t *testing.T) {
	h := newHouse(t, 150*time.Second, 0)
	for _, text := range []string{"one", "two", "three"} {
		h.take(text)
	}
	h.now = h.now.Add(30 * time.Second)
	h.expect(9, "two three", 6) // not seen any more, if still there
	if err := h.Expire(); err != nil {
		t.Fatal(err)
	}
	h.expect(9, "two three", 4)
	h.now = h.now.Add(time.Hour)
	h.open(150*time.Second, 0)
	h.expect(9, "", 0)
	h.take("four")
	h.open(0, 0)
	h.expect(9, "", 0)
	h.take("five")
	h.expect(9, "", 0)
}

func TestRoomIsBounded(t *testing.T) {
	h := newHouse(t, time.Hour, 10)
	h.take("four")
	h.take("fives")
	h.take(strings.Repeat("x", 11)) // too large at all
	h.expect(9, "four fives", 4)
	h.take("sixsix")
	h.expect(9, "sixsix", 2)
	h.open(time.Hour, 12)
	h.take("seven")
	h.take("eight")
	h.expect(9, "seven eight", 4)
	if h.bytes != 10 || len(h.known) != 2 {
		t.Errorf("%d octets, %d known", h.bytes, len(h.known))
	}
	h = newHouse(t, 365*24*time.Hour, 0)
	for i := range MessagesMax + 3 {
		h.take(fmt.Sprint(i))
	}
	if len(h.index) != MessagesMax || h.records() != 2*MessagesMax {
		t.Errorf("%d messages, %d records", len(h.index), h.records())
	}
}

// What rotted is not a message, and is removed.
func TestDamage(t *testing.T) {
	h := newHouse(t, time.Hour, 0)
	h.take("one")
	h.take("two")
	h.take("three")
	var b store.Batch
	b.Set(contentKey(1), []byte("junk"))
	b.Set(headKey(2), []byte("junk"))
	if err := h.db.Commit(&b); err != nil {
		t.Fatal(err)
	}
	h.open(time.Hour, 0)
	var got []string
	for m, err := range h.Last(9) {
		if err != nil {
			got = append(got, "damaged")
			continue
		}
		got = append(got, m.ID.String())
	}
	if len(got) != 2 || got[0] != "damaged" || h.records() != 4 {
		t.Errorf("%v in %d records", got, h.records())
	}
}
