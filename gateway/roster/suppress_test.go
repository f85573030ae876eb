package roster

import (
	"errors"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway/store"
)

func TestSuppression(t *testing.T) {
	f := open(t, store.NewMemory())
	f.create(t, "dev@lists.example.com", "anne@example.com", "bart@example.com", "carl@example.com")
	now := time.Now().Truncate(time.Second)
	all := []Suppression{
		{Path: "Anne@example.com", Reason: "asked for it", Added: now},
		{Path: "bart@example.com", Added: now, Expires: now.Add(time.Hour)},
		{Path: "carl@example.com", Added: now, Expires: now.Add(-time.Hour)},
	}
	if err := f.Suppress(all); err != nil {
		t.Fatal(err)
	}
	f = f.restart(t)
	first, next, err := f.Suppressions("", 2)
	rest, end, err2 := f.Suppressions(next, 2)
	if err := errors.Join(err, err2); err != nil || len(first) != 2 || len(rest) != 1 || end != "" || first[0].Reason != "asked for it" || !first[1].Expires.Equal(all[1].Expires) {
		t.Fatalf("%+v, %+v, %v", first, rest, err)
	}
	members, _, err := f.Members(dev, "", 10)
	if err != nil || len(members) != 1 || members[0].Path != "carl@example.com" {
		t.Errorf("posts go to %v, %v", members, err)
	}
	if err := f.Unsuppress("anne@EXAMPLE.com"); err != nil {
		t.Error(err)
	}
	if err := f.Unsuppress("anne@example.com"); !errors.Is(err, ErrNotSuppressed) {
		t.Error(err)
	}
	if members, _, err := f.Members(dev, "", 10); err != nil || len(members) != 2 {
		t.Errorf("posts go to %v, %v", members, err)
	}
}
