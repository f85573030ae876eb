package roster

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func TestPending(t *testing.T) {
	f := open(t, store.NewMemory())
	want := Pending{Purpose: "join", List: "dev.lists.example.com", Member: gateway.Recipient{Path: "anne@example.com", Name: "Anne"}, Message: 7, Expires: noon.Add(72 * time.Hour)}
	if err := f.AddPending(noon, map[string]Pending{"abc": want}); err != nil {
		t.Fatal(err)
	}
	f = f.restart(t)
	got, err := f.Pending("ABC", noon)
	if err != nil || !got.Expires.Equal(want.Expires) {
		t.Fatalf("%+v, %v", got, err)
	}
	if got.Expires = want.Expires; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for token, at := range map[string]time.Time{"abc": noon.Add(73 * time.Hour), "abd": noon, "": noon} {
		if _, err := f.Pending(token, at); !errors.Is(err, ErrNotPending) {
			t.Errorf("%q at %s: %v", token, at, err)
		}
	}
	if err := f.EndPending("abc"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Pending("abc", noon); !errors.Is(err, ErrNotPending) {
		t.Errorf("after its end: %v", err)
	}
}

func TestQuotas(t *testing.T) {
	f := open(t, store.NewMemory())
	anne, list := Quota{"anne", 1}, Quota{"list", 2}
	for _, step := range []struct {
		after  time.Duration
		quotas []Quota
		want   bool
	}{
		{0, []Quota{anne, list}, true},
		{time.Hour, []Quota{anne, list}, false},
		{time.Hour, []Quota{{"bart", 1}, list}, true}, // the refusal took nothing from the list's
		{2 * time.Hour, []Quota{{"cris", 1}, list}, false},
		{-time.Hour, []Quota{anne}, false}, // the clock was set back
		{23*time.Hour + 59*time.Minute, []Quota{anne}, false},
		{24 * time.Hour, []Quota{anne, list}, true},
		{-24 * time.Hour, []Quota{anne}, true}, // by days: what was counted was by a clock ahead
	} {
		if got, err := f.Take(noon.Add(step.after), step.quotas...); err != nil || got != step.want {
			t.Errorf("after %s, %v: %v, %v", step.after, step.quotas, got, err)
		}
	}
	if left, err := f.Left(noon.Add(-24*time.Hour), anne); err != nil || left {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestPosts(t *testing.T) {
	f := open(t, store.NewMemory())
	if err := f.NotePost("dev.lists.example.com", "<1@x>", Post{7, Likeness{[16]byte{2}, [16]byte{1}}}, noon); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		list      gateway.ListID
		messageID string
		after     time.Duration
		want      gateway.QueueID
	}{
		{"dev.lists.example.com", "<1@x>", 0, 7},
		{"dev.lists.example.com", "<1@x>", 23 * time.Hour, 7},
		{"dev.lists.example.com", "<1@x>", 24 * time.Hour, 0},
		{"dev.lists.example.com", "<1@X>", 0, 0},
		{"other.lists.example.com", "<1@x>", 0, 0},
	} {
		if got, err := f.SeenPost(c.list, c.messageID, noon.Add(c.after)); err != nil || got.ID != c.want || c.want != 0 && (got.Key[0] != 2 || got.Digest[0] != 1) {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
	if err := f.NotePost("dev.lists.example.com", "<2@x>", Post{ID: 8}, noon.Add(72*time.Hour)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for range f.db.Prefix(store.RosterPosts.Key(), nil) {
		n++
	}
	if n != 1 {
		t.Errorf("%d posts are kept", n)
	}
}

// What is over does not stay, on a site where nobody asks for a token either.
func TestQuotasArePurged(t *testing.T) {
	f := open(t, store.NewMemory())
	for day := range 30 {
		for i := range 10 {
			if _, err := f.Take(noon.AddDate(0, 0, day), Quota{fmt.Sprint(day, i), 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	n := 0
	for range f.db.Prefix(store.RosterQuotas.Key(), nil) {
		n++
	}
	if n > 20 {
		t.Errorf("%d quotas are kept", n)
	}
}

// What is over does not stay.
func TestPurge(t *testing.T) {
	f := open(t, store.NewMemory())
	if _, err := f.Take(noon, Quota{"anne", 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Take(noon.AddDate(10, 0, 0), Quota{"by a clock ahead", 1}); err != nil {
		t.Fatal(err)
	}
	if err := f.AddPending(noon, map[string]Pending{"a": {Expires: noon.Add(time.Hour)}, "b": {Expires: noon.Add(100 * time.Hour)}}); err != nil {
		t.Fatal(err)
	}
	if err := f.AddPending(noon.Add(25*time.Hour), map[string]Pending{"c": {Expires: noon.Add(100 * time.Hour)}}); err != nil {
		t.Fatal(err)
	}
	for space, want := range map[store.Space]int{store.RosterPending: 2, store.RosterQuotas: 0} {
		n := 0
		for _, err := range f.db.Prefix(space.Key(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != want {
			t.Errorf("space %#x has %d records, want %d", byte(space), n, want)
		}
	}
}
